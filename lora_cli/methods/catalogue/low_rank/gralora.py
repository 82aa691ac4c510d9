"""GraLoRA: cuts the weight into k × k blocks, each with its own thin matrices.

Jung et al., "GraLoRA: Granular Low-Rank Adaptation for Parameter-Efficient Fine-Tuning", arXiv:2505.20355;
`peft.tuners.gralora.layer.GraloraLayer.update_layer`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from lora_cli.errors import InvalidInput
from lora_cli.methods.config.adapter_config import TARGETING
from lora_cli.methods.config.settings import Dropout, flag, probability, scale, size
from lora_cli.methods.knob import Runs, multiples
from lora_cli.methods.method import LINEARS, Method
from lora_cli.methods.parts.divisors import check_divides
from lora_cli.methods.place import Place
from lora_cli.methods.tensor import Tensor, parameter


@dataclass(frozen=True, slots=True)
class Settings:
    """GraLoRA's own fields."""

    hybrid_r: Annotated[int, "Rank of a plain LoRA beside the blocks"] = size(0, least=0)
    alpha: Annotated[float | InvalidInput, "The update is scaled by alpha / (r + hybrid_r)"] = scale(64)
    gralora_dropout: Dropout = probability()
    gralora_k: Annotated[int, "Number of blocks along each side of the weight; it divides r"] = size(2)
    fan_in_fan_out: bool = flag(False)
    init_weights: bool = flag(True)


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield A and B by blocks, r·(d + h) parameters for any k, and with `hybrid_r` also a LoRA of that rank.

    >>> from lora_cli.models import matrix
    >>> own = Settings(gralora_k=2, hybrid_r=1)
    >>> [(t.key, t.shape) for t in tensors(Place(matrix(6, 8), 4), own)][:2]
    [('gralora_A', (2, 3, 4)), ('gralora_B', (2, 4, 4))]
    >>> sum(t.params for t in tensors(Place(matrix(6, 8), 4), own)) == (4 + 1) * (6 + 8)
    True
    """
    module, k, hybrid = place.module, own.gralora_k, own.hybrid_r
    check_divides("gralora_k", k, module, {"rank": place.r, "d": module.d, "h": module.h})
    yield parameter("gralora_A", k, module.d // k, place.r)
    yield parameter("gralora_B", k, place.r, module.h // k)
    if hybrid:
        yield parameter("gralora_A_general.weight", hybrid, module.d)
        yield parameter("gralora_B_general.weight", module.h, hybrid)


def sizes(places: Sequence[Place], own: Settings) -> Runs:
    """Return the ranks that the number of blocks divides."""
    return multiples(places, own.gralora_k)


METHOD = Method(
    name="gralora",
    title="GraLoRA: Granular Low-Rank Adaptation",
    arxiv="2505.20355",
    formula="(r + hybrid_r) * (d + h)",
    settings=Settings,
    tensors=tensors,
    rank=32,
    alpha="alpha",
    module_kinds=LINEARS,
    shared_fields=TARGETING - {"exclude_modules"} | {"bias"},
    layer_rules=frozenset(),
    knob_values=sizes,
)
