"""MiSS: one thin matrix, each of whose rows serves several inputs of the weight.

Kang and Yin, "MiSS: Revisiting the Trade-off in LoRA with an Efficient Shard-Sharing Structure", arXiv:2409.15371;
`peft.tuners.miss.layer.MissLayer`: `update_layer` and the shapes that the initialisations give.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from lora_cli.errors import InvalidInput, quote_long
from lora_cli.methods.config.adapter_config import LAYERS_WITH_TEXT, PATTERN_WITH_TEXT, TARGETING
from lora_cli.methods.config.settings import Dropout, either, flag, probability, size, text
from lora_cli.methods.knob import Runs, ranks
from lora_cli.methods.method import WITH_BACKEND, Method
from lora_cli.methods.parts.divisors import check_divides, divisors
from lora_cli.methods.place import Place
from lora_cli.methods.tensor import Tensor, parameter


@dataclass(frozen=True, slots=True)
class Settings:
    """MiSS's own fields."""

    miss_dropout: Dropout = probability()
    mini_r: Annotated[int, "Number of outputs that are trained, and that the others repeat, for init_weights mini"] = (
        size(1)
    )
    init_weights: Annotated[bool | str | None, "Variant: true is MiSS; or bat or mini"] = either(
        flag(True), text(None), "bat", "mini"
    )


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield the block: r·h parameters, in blocks of r × r with init_weights "bat", or r·mini_r with "mini".

    >>> from lora_cli.models import matrix
    >>> def block(start: bool | str) -> list[tuple[int, ...]]:
    ...     return [t.shape for t in tensors(Place(matrix(6, 8), 2), Settings(init_weights=start, mini_r=4))]
    >>> block(True), block("bat"), block("mini")
    ([(2, 8)], [(4, 2, 2)], [(2, 4)])
    """
    module, r = place.module, place.r
    if r > module.d:
        raise InvalidInput(
            f"rank {r} is larger than the {module.d} inputs of {quote_long(module.name)}; give {module.d} or less"
        )
    if own.init_weights == "bat":
        check_divides("rank", r, module)
        yield parameter("miss_block", module.h // r, r, r)
    elif own.init_weights == "mini":
        check_divides("mini_r", own.mini_r, module, {"h": module.h})
        yield parameter("miss_block", r, own.mini_r)
    else:
        yield parameter("miss_block", r, module.h)


def sizes(places: Sequence[Place], own: Settings) -> Runs:
    """Return all ranks, or with init_weights "bat" those that divide both sides."""
    if own.init_weights != "bat":
        return ranks(places, own)
    return (divisors(*(side for place in places for side in (place.module.d, place.module.h))),)


METHOD = Method(
    name="miss",
    title="MiSS: Matrix Shard Sharing",
    arxiv="2409.15371",
    formula="r * h",
    settings=Settings,
    tensors=tensors,
    quantised_layers=WITH_BACKEND,
    rank=64,
    shared_fields=TARGETING | {"bias"},
    layer_rules=frozenset({LAYERS_WITH_TEXT, PATTERN_WITH_TEXT}),
    knob_values=sizes,
)
