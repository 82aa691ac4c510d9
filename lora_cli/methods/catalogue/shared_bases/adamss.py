"""AdaMSS: the rows of the weight's principal part are clustered, and each cluster has a low-rank update.

"AdaMSS: Adaptive Multi-Subspace Approach for Parameter-Efficient Fine-Tuning"; `peft.tuners.adamss`:
`AdamssLayer.update_layer`, `slice_pca`, `clustering_Z`.
"""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.errors import InvalidInput, quote, quote_long
from lora_cli.methods.method import TARGETING, Method, Reader, Settings, flag, real, size
from lora_cli.methods.parts.random_bases import seed
from lora_cli.methods.place import Place
from lora_cli.methods.tensor import Tensor, buffer, parameter
from lora_cli.models.config import MAX_SIZE, Config


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield A, a row of r values for each of K = num_subspaces clusters, and B, a value for each of the h rows.

    That is with a subspace_rank of 1. With more, a cluster's rank depends on how many rows it has, which
    the weight's values decide, unless there is one cluster for all rows or one for each.

    >>> from lora_cli.models import matrix
    >>> own = Settings({"num_subspaces": 2, "subspace_rank": 1, "use_dynamic_rank": False})
    >>> [(t.key, t.shape) for t in tensors(Place(matrix(6, 8), 4), own)]
    [('adamss_A.0', (1, 4)), ('adamss_A.1', (1, 4)), ('adamss_B', (8, 1)), ('adamss_newB', (4, 6))]
    """
    module = place.module
    d, h = module.d + module.bias, module.h
    r, clusters = min(place.r, d, h), min(own.num_subspaces, h)
    rows = {1: h, h: 1}.get(clusters)
    rank = min(own.subspace_rank, rows) if rows else own.subspace_rank
    if rank > 1 and (rows is None or own.use_dynamic_rank):
        raise InvalidInput(
            f"subspace_rank {own.subspace_rank} is only the most that a cluster of {quote_long(module.name)} may have, "
            "and the weight's values decide how much of it each has; give 1 to count it"
        )
    yield from (parameter(f"adamss_A.{cluster}", min(rank, r), r) for cluster in range(clusters))
    if rows:
        yield from (parameter(f"adamss_B.{cluster}", rows, rank) for cluster in range(clusters))
    else:
        yield parameter("adamss_B", h, rank)._replace(stored=None)
    yield buffer("adamss_newB", r, d)


def check(own: Settings) -> None:
    """Refuse a schedule of ASA that PEFT refuses."""
    if not own.use_asa:
        return
    for name in ("mask_interval", "asa_target_subspaces", "asa_schedule_exponent"):
        if getattr(own, name) <= 0:
            raise InvalidInput(f"{name} is {getattr(own, name)}; with use_asa it must be over 0")
    if own.init_warmup >= own.final_warmup:
        raise InvalidInput(
            f"init_warmup is {own.init_warmup} and final_warmup {own.final_warmup}; with use_asa the first must be smaller"
        )


def start(config: Config, name: str) -> str | None:
    """Read how B starts."""
    value = config.fields.get(name, "orthogonal")
    if value is not None and value is not False and value != "orthogonal":
        raise InvalidInput(f"{config.source}: {name} is {quote(value)}; it must be 'orthogonal' or null")
    return value or None


def whole(default: int) -> Reader:
    """Read any whole number."""
    return size(default, least=-MAX_SIZE)


METHOD = Method(
    name="adamss",
    title="AdaMSS: Adaptive Multi-Subspace Approach for Parameter-Efficient Fine-Tuning",
    arxiv=None,
    formula="num_subspaces * r + h",
    tensors=tensors,
    fields={
        "num_subspaces": size(5),
        "subspace_rank": size(1),
        "init_weights": start,
        "use_asa": flag(False),
        "asa_target_subspaces": whole(50),
        "init_warmup": whole(50),
        "final_warmup": whole(1000),
        "mask_interval": whole(100),
        "asa_importance_beta": real(0.85),
        "asa_uncertainty_beta": real(0.85),
        "asa_schedule_exponent": real(3.0),
        "use_dynamic_rank": flag(False),
        "svd_threshold": real(0.1),
        "random_seed": seed(0),
    },
    rank=100,
    shared_fields=TARGETING - {"exclude_modules"},
    default_targets={"vit": ("query", "value")},
    check_settings=check,
    layer_rules=frozenset(),
)
