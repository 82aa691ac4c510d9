"""MiSS: one thin matrix, whose rows serve several inputs of the weight each.

Kang and Yin, "MiSS: Revisiting the Trade-off in LoRA with an Efficient Shard-Sharing Structure", arXiv:2409.15371;
`peft.tuners.miss.layer.MissLayer`: `update_layer` and the shapes that the ways to start give.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lora_cli.errors import InvalidInput, quote_long
from lora_cli.methods.knob import Runs, ranks
from lora_cli.methods.method import (
    LAYERS_WITH_TEXT,
    PATTERN_WITH_TEXT,
    TARGETING,
    Method,
    Settings,
    either,
    flag,
    real,
    size,
    text,
)
from lora_cli.methods.parts.divisors import divides, divisors
from lora_cli.methods.place import Place
from lora_cli.methods.tensor import Tensor, parameter


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield the block: r·h parameters; from the start "bat" r·h by blocks of r × r, from "mini" r·mini_r.

    >>> from lora_cli.models import matrix
    >>> def block(start: object) -> list[tuple[int, ...]]:
    ...     return [t.shape for t in tensors(Place(matrix(6, 8), 2), Settings({"init_weights": start, "mini_r": 4}))]
    >>> block(True), block("bat"), block("mini")
    ([(2, 8)], [(4, 2, 2)], [(2, 4)])
    """
    module, r = place.module, place.r
    if r > module.d:
        raise InvalidInput(
            f"rank {r} is over the {module.d} inputs of {quote_long(module.name)}; give {module.d} or less"
        )
    if own.init_weights == "bat":
        divides("the rank", r, module.name, ("d", module.d), ("h", module.h))
        yield parameter("miss_block", module.h // r, r, r)
    elif own.init_weights == "mini":
        divides("mini_r", own.mini_r, module.name, ("h", module.h))
        yield parameter("miss_block", r, own.mini_r)
    else:
        yield parameter("miss_block", r, module.h)


def sizes(places: Sequence[Place], own: Settings) -> Runs:
    """Return all ranks, or from the start "bat" those that divide both sides."""
    if own.init_weights != "bat":
        return ranks(places, own)
    return (divisors(*(side for place in places for side in (place.module.d, place.module.h))),)


METHOD = Method(
    name="miss",
    title="MiSS: Matrix Shard Sharing",
    arxiv="2409.15371",
    formula="r * h",
    tensors=tensors,
    fields={
        "miss_dropout": real(0.0, least=0, most=1),
        "mini_r": size(1),
        "init_weights": either(flag(True), text(None)),
    },
    rank=64,
    shared_fields=TARGETING | {"bias"},
    layer_rules=frozenset({LAYERS_WITH_TEXT, PATTERN_WITH_TEXT}),
    knob_values=sizes,
)
