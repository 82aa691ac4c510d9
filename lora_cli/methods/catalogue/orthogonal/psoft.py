"""PSOFT: an orthogonal matrix between the two factors of W's r largest singular values.

Wu et al., "Efficient Orthogonal Fine-Tuning with Principal Subspace Adaptation", arXiv:2505.11235;
`peft.tuners.psoft.layer`: `OrthLayer`, `PsoftLayer.update_layer`.
"""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.errors import InvalidInput, quote_long
from lora_cli.methods.method import Method, Settings, flag, real, size, text
from lora_cli.methods.place import Place
from lora_cli.methods.tensor import Tensor, parameter


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield what lies above the diagonal of a skew-symmetric r × r matrix, and a scale a row and a column.

    W's own factors are computed from it, neither saved nor counted.

    >>> from lora_cli.models import matrix
    >>> own = Settings({"psoft_orth": True, "psoft_mag_b": True, "psoft_mag_a": True})
    >>> [(t.key, t.shape) for t in tensors(Place(matrix(6, 8), 4), own)]
    [('psoft_R.weight', (6,)), ('psoft_R.vector_b', (4,)), ('psoft_R.vector_a', (4,))]
    """
    module, r = place.module, place.r
    most = min(module.d, module.h)
    if r > most:
        raise InvalidInput(
            f"r is {r}, and {quote_long(module.name)} of {module.d} inputs and {module.h} outputs has no more than "
            f"{most} singular values; take {most} or less"
        )
    yield parameter("psoft_R.weight", *((r * (r - 1) // 2,) if own.psoft_orth else (r, r)))
    if own.psoft_mag_b:
        yield parameter("psoft_R.vector_b", r)
    if own.psoft_mag_a:
        yield parameter("psoft_R.vector_a", r)


def check(own: Settings) -> None:
    """Refuse a Cayley-Neumann series without terms, or with a bound that bounds nothing."""
    if not own.use_cayley_neumann:
        return
    if own.num_cayley_neumann_terms < 1:
        raise InvalidInput(f"num_cayley_neumann_terms is {own.num_cayley_neumann_terms}; it must be 1 or more")
    if own.cayley_neumann_eps is not None and not 0 < own.cayley_neumann_eps < 1:
        raise InvalidInput(f"cayley_neumann_eps is {own.cayley_neumann_eps}; it must be over 0 and under 1")


METHOD = Method(
    name="psoft",
    title="PSOFT: Efficient Orthogonal Fine-Tuning with Principal Subspace Adaptation",
    arxiv="2505.11235",
    formula="r * (r - 1) / 2 + 2 * r",
    tensors=tensors,
    fields={
        "psoft_alpha": real(32),
        "psoft_dropout": real(0.0, most=1),
        "fan_in_fan_out": flag(False),
        "ab_svd_init": text("psoft_init", "psoft_init", "pissa_init"),
        "psoft_svd": text("full", "full", "lowrank"),
        "psoft_svd_lowrank_niter": size(10, least=0),
        "random_seed": size(0, least=0),
        "psoft_orth": flag(True),
        "psoft_mag_b": flag(True),
        "psoft_mag_a": flag(True),
        "use_cayley_neumann": flag(False),
        "num_cayley_neumann_terms": size(5, least=0),
        "cayley_neumann_eps": real(None),
        "init_weights": flag(True),
    },
    rank=32,
    alpha="psoft_alpha",
    check_settings=check,
)
