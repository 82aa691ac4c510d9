"""AdaMSS: clusters the rows of the weight's principal part, and gives each cluster a low-rank update.

"AdaMSS: Adaptive Multi-Subspace Approach for Parameter-Efficient Fine-Tuning"; `peft.tuners.adamss`:
`AdamssLayer.update_layer`, `slice_pca`, `clustering_Z`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from lora_cli.errors import InvalidInput, quote, quote_long
from lora_cli.methods.config.adapter_config import TARGETING
from lora_cli.methods.config.settings import flag, real, setting, size
from lora_cli.methods.method import WITH_FLOATS, Method
from lora_cli.methods.parts.random_bases import seed
from lora_cli.methods.place import Place
from lora_cli.methods.tensor import Tensor, buffer, parameter
from lora_cli.models.config import MAX_SIZE, Config


def start(config: Config, name: str) -> str | None:
    """Return how B is initialised."""
    value = config.fields.get(name, "orthogonal")
    if value is not None and value is not False and value != "orthogonal":
        raise InvalidInput(f"{config.source}: {name} is {quote(value)}; it must be 'orthogonal' or null")
    return value or None


def whole(default: int) -> int:
    """Declare any whole number."""
    return size(default, least=-MAX_SIZE)


@dataclass(frozen=True, slots=True)
class Settings:
    """AdaMSS's own fields."""

    num_subspaces: Annotated[int, "Number of clusters that the singular vectors of a weight are put into"] = size(5)
    subspace_rank: Annotated[int, "Rank of the update in each cluster"] = size(1)
    init_weights: Annotated[str | None, "What B starts from: orthogonal, or null for random values"] = setting(
        start, "orthogonal"
    )
    use_asa: Annotated[bool, "Whether the least important subspaces are dropped in training (ASA)"] = flag(False)
    asa_target_subspaces: Annotated[int, "Number of subspaces of the whole model that ASA leaves"] = whole(50)
    init_warmup: Annotated[int, "Steps before ASA begins"] = whole(50)
    final_warmup: Annotated[int, "Step at which ASA ends"] = whole(1000)
    mask_interval: Annotated[int, "Steps between two choices of ASA"] = whole(100)
    asa_importance_beta: Annotated[float, "How slowly the mean of a subspace's importance changes, from 0 to 1"] = real(
        0.85
    )
    asa_uncertainty_beta: Annotated[
        float, "How slowly the mean of that importance's uncertainty changes, from 0 to 1"
    ] = real(0.85)
    asa_schedule_exponent: Annotated[float, "A higher one drops more subspaces early"] = real(3.0)
    use_dynamic_rank: Annotated[bool, "Whether singular values decide the rank of each subspace"] = flag(False)
    svd_threshold: Annotated[
        float, "Least singular value that counts, as a share of the largest, with use_dynamic_rank"
    ] = real(0.1)
    random_seed: Annotated[int, "Seed of what the adapter starts from"] = seed(0)

    def __post_init__(self) -> None:
        """Refuse an ASA schedule that PEFT refuses."""
        if not self.use_asa:
            return
        for name in ("mask_interval", "asa_target_subspaces", "asa_schedule_exponent"):
            if getattr(self, name) <= 0:
                raise InvalidInput(f"{name} is {getattr(self, name)}; with use_asa it must be over 0")
        if self.init_warmup >= self.final_warmup:
            raise InvalidInput(
                f"init_warmup is {self.init_warmup} and final_warmup {self.final_warmup}; with use_asa, init_warmup must be smaller"
            )


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield A, a row of r values for each of K = num_subspaces clusters, and B, a value for each of the h rows.

    This holds for a subspace_rank of 1. With more, a cluster's rank depends on its number of rows, which the values
    of the weight decide, unless there is one cluster for all rows or one for each.

    >>> from lora_cli.models import matrix
    >>> own = Settings(num_subspaces=2, subspace_rank=1, use_dynamic_rank=False)
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
            f"subspace_rank {own.subspace_rank} is only the maximum for a cluster of {quote_long(module.name)}, "
            "and the values of the weight decide the rank of each; give 1 to count it"
        )
    yield from (parameter(f"adamss_A.{cluster}", min(rank, r), r) for cluster in range(clusters))
    if rows:
        yield from (parameter(f"adamss_B.{cluster}", rows, rank) for cluster in range(clusters))
    else:
        yield parameter("adamss_B", h, rank)._replace(stored=None)
    yield buffer("adamss_newB", r, d)


def warnings(places: Sequence[Place], own: Settings) -> Iterator[str]:
    """Warn that rows which are one number each, as good as equal, do not make a cluster each.

    This was seen where clusters are nearly as many as rows, and never where they are at most half as many.
    """
    most = max((place.module.h for place in places if place.r == 1 < place.module.h < 2 * own.num_subspaces), default=0)
    if most:
        yield (
            f"num_subspaces {own.num_subspaces} with r 1 is nearly as many as the rows of a weight ({most:,} or fewer), "
            "and PEFT makes fewer where rows are as good as equal; the counts are the most that it can be"
        )


METHOD = Method(
    name="adamss",
    title="AdaMSS: Adaptive Multi-Subspace Approach for Parameter-Efficient Fine-Tuning",
    arxiv=None,
    formula="num_subspaces * r + h",
    settings=Settings,
    tensors=tensors,
    quantised_layers=WITH_FLOATS,
    rank=100,
    shared_fields=TARGETING - {"exclude_modules"},
    default_targets={"vit": ("query", "value")},
    layer_rules=frozenset(),
    warnings=warnings,
)
