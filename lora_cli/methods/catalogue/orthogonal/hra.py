"""HRA: the inputs are mirrored at r planes, one trained vector a plane.

Yuan et al., "Bridging The Gap between Low-rank and Orthogonal Adaptation via Householder Reflection
Adaptation", arXiv:2405.17484; `peft.tuners.hra.layer.HRALayer.update_layer`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lora_cli.errors import InvalidInput, quote_long
from lora_cli.methods.knob import Runs
from lora_cli.methods.method import TARGETING, Method, Settings, flag
from lora_cli.methods.parts.divisors import rotated_width
from lora_cli.methods.place import Place
from lora_cli.methods.tensor import Tensor, parameter


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield the normal vectors of r planes: r·d parameters.

    >>> from lora_cli.models import matrix
    >>> [(t.key, t.shape) for t in tensors(Place(matrix(6, 8), 2), Settings({}))]
    [('hra_u', (6, 2))]
    """
    module = place.module
    if module.groups > 1:
        raise InvalidInput(
            f"PEFT adapts no convolution of {module.groups} groups by hra, as {quote_long(module.name)} is; leave it out"
        )
    yield parameter("hra_u", rotated_width(module), place.r)


def sizes(places: Sequence[Place], own: Settings) -> Runs:
    """Return the numbers of planes up to the widest inputs', which any more would repeat."""
    return (range(1, max(rotated_width(place.module) for place in places) + 1),)


METHOD = Method(
    name="hra",
    title="HRA: Householder Reflection Adaptation",
    arxiv="2405.17484",
    formula="r * d",
    tensors=tensors,
    fields={"apply_GS": flag(False), "init_weights": flag(True)},
    module_kinds=("Linear", "Conv2d"),
    shared_fields=TARGETING | {"bias"},
    knob_values=sizes,
)
