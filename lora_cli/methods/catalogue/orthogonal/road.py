"""RoAd: rotates and scales the outputs in pairs.

Liao and Monz, "3-in-1: 2D Rotary Adaptation for Efficient Finetuning, Efficient Batching and
Composability", arXiv:2409.00119; `peft.tuners.road.layer.RoadLayer.update_layer`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from lora_cli.errors import InvalidInput, quote_long
from lora_cli.methods.config.settings import flag, size, text
from lora_cli.methods.method import Method
from lora_cli.methods.parts.divisors import nearest_divisors
from lora_cli.methods.place import Place
from lora_cli.methods.tensor import Tensor, parameter

VARIANTS = ("road_1", "road_2", "road_4")


@dataclass(frozen=True, slots=True)
class Settings:
    """RoAd's own fields."""

    variant: Annotated[str, "How many values turn a pair of outputs"] = text("road_1", *VARIANTS)
    group_size: Annotated[int, "Number of outputs among which pairs are formed"] = size(64)
    init_weights: bool = flag(True)

    def __post_init__(self) -> None:
        """Refuse an odd group size, because elements are paired."""
        if self.group_size % 2:
            raise InvalidInput(f"group_size is {self.group_size}; it must be even, e.g. {self.group_size + 1}")


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield an angle and a scale per pair of outputs, per output (road_2), or two per output (road_4).

    >>> from lora_cli.models import matrix
    >>> [t.shape for t in tensors(Place(matrix(6, 8), 0), Settings(variant="road_1", group_size=2))]
    [(4,), (4,)]
    """
    module = place.module
    if module.h % own.group_size:
        even = (
            sorted(2 * half for half in nearest_divisors(own.group_size // 2, module.h // 2))
            if not module.h % 2
            else []
        )
        fix = (
            f"take {' or '.join(map(str, even))}"
            if even
            else "leave it out, because only an even number of outputs can be paired"
        )
        raise InvalidInput(
            f"group_size {own.group_size} does not divide the {module.h} outputs of {quote_long(module.name)}; {fix}"
        )
    values = {"road_1": module.h // 2, "road_2": module.h, "road_4": 2 * module.h}[own.variant]
    yield parameter("road_theta", values)
    yield parameter("road_alpha", values)


METHOD = Method(
    name="road",
    title="RoAd: 2D Rotary Adaptation",
    arxiv="2409.00119",
    formula="h",
    settings=Settings,
    tensors=tensors,
    rank=None,
    knob=None,
    shared_fields=frozenset({"target_modules", "modules_to_save"}),
)
