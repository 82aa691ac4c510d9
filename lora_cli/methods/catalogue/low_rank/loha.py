"""LoHa: the update is the product, value by value, of two low-rank updates.

Hyeon-Woo et al., "FedPara: Low-Rank Hadamard Product for Communication-Efficient Federated Learning",
arXiv:2108.06098, proposition 1; for convolutions, proposition 3; `peft.tuners.loha.layer.LoHaLayer`:
`update_layer`, `create_adapter_parameters`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Annotated

from lora_cli.errors import InvalidInput
from lora_cli.methods.config.adapter_config import PATTERN_ALONE, TARGETING
from lora_cli.methods.config.settings import flag, real, scale
from lora_cli.methods.method import Method, always
from lora_cli.methods.place import Place
from lora_cli.methods.tensor import Tensor, parameter


@dataclass(frozen=True, slots=True)
class Settings:
    """LoHa's own fields."""

    alpha: Annotated[float | InvalidInput, "The update is scaled by alpha / r"] = scale(8)
    rank_dropout: float = real(0.0)
    module_dropout: float = real(0.0)
    use_effective_conv2d: Annotated[bool, "Whether kernels larger than 1 are factored, too"] = flag(False)
    init_weights: bool = flag(True)


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield two pairs of thin matrices, 2r·(d + h) parameters.

    A convolution counts as one matrix with all values of its kernel. With `use_effective_conv2d`, a kernel over 1 gets
    a core of its own: 2r·(d + h + r·Πkernel).

    >>> from lora_cli.models import matrix
    >>> [(t.key, t.shape) for t in tensors(Place(matrix(6, 8), 2), Settings(use_effective_conv2d=False))][:2]
    [('hada_w1_a', (8, 2)), ('hada_w1_b', (2, 6))]
    """
    module, r = place.module, place.r
    d, h = module.d // module.groups, module.h
    cored = own.use_effective_conv2d and any(side != 1 for side in module.kernel)
    for pair in ("1", "2"):
        if cored:
            # A one-dimensional kernel is stored with two dimensions.
            yield parameter(f"hada_t{pair}", r, r, *(*module.kernel, 1)[:2])
            yield parameter(f"hada_w{pair}_a", r, h)
            yield parameter(f"hada_w{pair}_b", r, d)
        else:
            yield parameter(f"hada_w{pair}_a", h, r)
            yield parameter(f"hada_w{pair}_b", r, d * prod(module.kernel))


METHOD = Method(
    name="loha",
    title="LoHa: Low-Rank Hadamard Product",
    arxiv="2108.06098",
    formula="2 * r * (d + h)",
    settings=Settings,
    tensors=tensors,
    alpha="alpha",
    module_kinds=("Linear", "Conv1d", "Conv2d"),
    shared_fields=TARGETING | {"alpha_pattern", "rank_pattern"},
    never_null=("alpha_pattern", "rank_pattern"),
    layer_rules=frozenset({PATTERN_ALONE}),
    same_for_same_shape=always,
)
