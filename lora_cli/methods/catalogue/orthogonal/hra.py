"""HRA: reflects the inputs at r planes, with one trained vector per plane.

Yuan et al., "Bridging The Gap between Low-rank and Orthogonal Adaptation via Householder Reflection
Adaptation", arXiv:2405.17484; `peft.tuners.hra.layer.HRALayer.update_layer`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from lora_cli.errors import InvalidInput, quote_long
from lora_cli.methods.config.adapter_config import TARGETING
from lora_cli.methods.config.settings import flag
from lora_cli.methods.knob import Runs
from lora_cli.methods.method import Method
from lora_cli.methods.parts.divisors import rotated_width
from lora_cli.methods.place import Place
from lora_cli.methods.tensor import Tensor, parameter


@dataclass(frozen=True, slots=True)
class Settings:
    """HRA's own fields."""

    apply_GS: Annotated[bool, "Whether the reflections are made orthogonal to each other (Gram-Schmidt)"] = flag(False)
    init_weights: bool = flag(True)


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield the normal vectors of r planes: r·d parameters.

    >>> from lora_cli.models import matrix
    >>> [(t.key, t.shape) for t in tensors(Place(matrix(6, 8), 2), Settings())]
    [('hra_u', (6, 2))]
    """
    module = place.module
    if module.groups > 1:
        raise InvalidInput(
            f"{quote_long(module.name)} is a convolution with {module.groups} groups, which hra cannot adapt; leave it out"
        )
    yield parameter("hra_u", rotated_width(module), place.r)


def sizes(places: Sequence[Place], own: Settings) -> Runs:
    """Return the numbers of planes up to the widest inputs; more planes would repeat others."""
    return (range(1, max(rotated_width(place.module) for place in places) + 1),)


METHOD = Method(
    name="hra",
    title="HRA: Householder Reflection Adaptation",
    arxiv="2405.17484",
    formula="r * d",
    settings=Settings,
    tensors=tensors,
    module_kinds=("Linear", "Conv2d"),
    shared_fields=TARGETING | {"bias"},
    knob_values=sizes,
)
