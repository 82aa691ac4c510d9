"""PEANuT: W's update is a small network's answer to W itself.

Zhong et al., "PEANuT: Parameter-Efficient Adaptation with Weight-aware Neural Tweakers", arXiv:2410.01870;
`peft.tuners.peanut.layer.PeanutLayer.update_layer`.
"""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.methods.method import PATTERN_ALONE, Method, Settings, flag, real, size, text
from lora_cli.methods.place import Place
from lora_cli.methods.tensor import Tensor, parameter

# transformers 5.23: `transformers.activations.ACT2FN`.
ACTIVATIONS = (
    *("gelu", "gelu_10", "gelu_accurate", "gelu_fast", "gelu_new", "gelu_python", "gelu_python_tanh"),
    *("gelu_pytorch_tanh", "hardswish", "laplace", "leaky_relu", "linear", "mish", "prelu", "quick_gelu"),
    *("relu", "relu2", "relu6", "sigmoid", "silu", "sqrtsoftplus", "swish", "tanh", "xielu"),
)


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield A and B, both on W's outputs, and `depth` pairs of r × r layers between: 2·r·h + 2·depth·r².

    >>> from lora_cli.models import matrix
    >>> sum(t.params for t in tensors(Place(matrix(6, 8), 2), Settings({"depth": 1})))
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
    tensors=tensors,
    fields={
        "depth": size(0, least=0),
        "act_fn": text("relu", *ACTIVATIONS),
        "scaling": real(1.0),
        "init_weights": flag(True),
    },
    rank=32,
    layer_rules=frozenset({PATTERN_ALONE}),
)
