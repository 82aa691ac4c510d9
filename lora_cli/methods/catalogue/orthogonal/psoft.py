"""PSOFT: puts an orthogonal matrix between the two factors of W's r largest singular values.

Wu et al., "Efficient Orthogonal Fine-Tuning with Principal Subspace Adaptation", arXiv:2505.11235;
`peft.tuners.psoft.layer`: `OrthLayer`, `PsoftLayer.update_layer`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from lora_cli.errors import InvalidInput, quote_long
from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.config.settings import Dropout, flag, real, scale, size, text
from lora_cli.methods.method import WITH_FLOATS, Adapted, Method
from lora_cli.methods.place import Place
from lora_cli.methods.tensor import Tensor, parameter


@dataclass(frozen=True, slots=True)
class Settings:
    """PSOFT's own fields."""

    psoft_alpha: Annotated[float | InvalidInput, "The update is scaled by psoft_alpha / r"] = scale(32)
    psoft_dropout: Dropout = real(0.0, most=1)
    fan_in_fan_out: bool = flag(False)
    ab_svd_init: Annotated[str, "What A and B are made of"] = text("psoft_init", "psoft_init", "pissa_init")
    psoft_svd: Annotated[str, "How singular values are computed"] = text("full", "full", "lowrank")
    psoft_svd_lowrank_niter: Annotated[int, "Number of power iterations, for psoft_svd lowrank"] = size(10, least=0)
    random_seed: Annotated[int, "Seed, for psoft_svd lowrank"] = size(0, least=0)
    psoft_orth: Annotated[bool, "Whether R stays orthogonal"] = flag(True)
    psoft_mag_b: Annotated[bool, "Whether the outputs of R have trained factors"] = flag(True)
    psoft_mag_a: Annotated[bool, "Whether the inputs of R have trained factors"] = flag(True)
    use_cayley_neumann: Annotated[bool, "Whether R is computed by a series, faster and less exactly"] = flag(False)
    num_cayley_neumann_terms: Annotated[int, "Number of terms of the series, with use_cayley_neumann"] = size(
        5, least=0
    )
    cayley_neumann_eps: Annotated[float | None, "Bound of what the series is of; null for none"] = real(None)
    init_weights: bool = flag(True)

    def __post_init__(self) -> None:
        """Refuse a Cayley-Neumann series without terms, or with a bound outside 0 to 1."""
        if not self.use_cayley_neumann:
            return
        if self.num_cayley_neumann_terms < 1:
            raise InvalidInput(f"num_cayley_neumann_terms is {self.num_cayley_neumann_terms}; it must be 1 or more")
        if self.cayley_neumann_eps is not None and not 0 < self.cayley_neumann_eps < 1:
            raise InvalidInput(f"cayley_neumann_eps is {self.cayley_neumann_eps}; it must be over 0 and under 1")


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield the values above the diagonal of a skew-symmetric r × r matrix, and a scale per row and per column.

    The factors of W are computed from W, and are neither saved nor counted.

    >>> from lora_cli.models import matrix
    >>> own = Settings(psoft_orth=True, psoft_mag_b=True, psoft_mag_a=True)
    >>> [(t.key, t.shape) for t in tensors(Place(matrix(6, 8), 4), own)]
    [('psoft_R.weight', (6,)), ('psoft_R.vector_b', (4,)), ('psoft_R.vector_a', (4,))]
    """
    module, r = place.module, place.r
    most = min(module.d, module.h)
    if r > most:
        raise InvalidInput(
            f"r is {r}, and {quote_long(module.name)} with {module.d} inputs and {module.h} outputs only has "
            f"{most} singular values; give {most} or less"
        )
    yield parameter("psoft_R.weight", *((r * (r - 1) // 2,) if own.psoft_orth else (r, r)))
    if own.psoft_mag_b:
        yield parameter("psoft_R.vector_b", r)
    if own.psoft_mag_a:
        yield parameter("psoft_R.vector_a", r)


def checked(targets: Adapted, own: Settings, config: AdapterConfig) -> Settings:
    """Refuse a base in float64, whose weights PEFT does not decompose."""
    if targets.model.dtype == "F64":
        raise InvalidInput("psoft cannot decompose weights in float64; give a base model in float32")
    return own


METHOD = Method(
    name="psoft",
    title="PSOFT: Efficient Orthogonal Fine-Tuning with Principal Subspace Adaptation",
    arxiv="2505.11235",
    formula="r * (r - 1) / 2 + 2 * r",
    settings=Settings,
    tensors=tensors,
    quantised_layers=WITH_FLOATS,
    rank=32,
    alpha="psoft_alpha",
    resolved=checked,
)
