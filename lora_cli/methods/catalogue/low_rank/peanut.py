"""PEANuT: a small network computes the update of W from W itself.

Zhong et al., "PEANuT: Parameter-Efficient Adaptation with Weight-aware Neural Tweakers", arXiv:2410.01870;
`peft.tuners.peanut.layer.PeanutLayer.update_layer`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from lora_cli.methods.config.adapter_config import PATTERN_ALONE
from lora_cli.methods.config.settings import flag, real, size, text
from lora_cli.methods.method import Method
from lora_cli.methods.place import Place
from lora_cli.methods.tensor import Tensor, parameter

# transformers 5.23: `transformers.activations.ACT2FN`.
ACTIVATIONS = (
    *("gelu", "gelu_10", "gelu_accurate", "gelu_fast", "gelu_new", "gelu_python", "gelu_python_tanh"),
    *("gelu_pytorch_tanh", "hardswish", "laplace", "leaky_relu", "linear", "mish", "prelu", "quick_gelu"),
    *("relu", "relu2", "relu6", "sigmoid", "silu", "sqrtsoftplus", "swish", "tanh", "xielu"),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """PEANuT's own fields."""

    depth: Annotated[int, "Number of hidden layers on each side, between A and B"] = size(0, least=0)
    act_fn: Annotated[str, "Activation between the layers"] = text("relu", *ACTIVATIONS)
    scaling: Annotated[float, "Factor on the update"] = real(1.0)
    init_weights: bool = flag(True)


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield A and B, both on W's outputs, and `depth` pairs of r × r layers between them: 2·r·h + 2·depth·r².

    >>> from lora_cli.models import matrix
    >>> sum(t.params for t in tensors(Place(matrix(6, 8), 2), Settings(depth=1)))
    40
    """
    module, r = place.module, place.r
    yield parameter("peanut_A.weight", r, module.h)
    yield parameter("peanut_B.weight", module.h, r)
    for side in ("encoders", "decoders"):
        for layer in range(own.depth):
            yield parameter(f"peanut_{side}.{layer}.weight", r, r)


METHOD = Method(
    name="peanut",
    title="PEANuT: Weight-aware Neural Tweakers",
    arxiv="2410.01870",
    formula="2 * r * h + 2 * depth * r ** 2",
    settings=Settings,
    tensors=tensors,
    rank=32,
    layer_rules=frozenset({PATTERN_ALONE}),
)
