"""LoRA: a weight's update as the product of two thin matrices.

Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", arXiv:2106.09685, section 4.1;
`peft.tuners.lora.layer.Linear`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lora_cli.methods.tensor import Tensor
from lora_cli.models import Module

if TYPE_CHECKING:
    from lora_cli.methods.method import Method


def plain(module: Module, r: int) -> tuple[Tensor, ...]:
    """Return A (r × d) and B (r × h), together r·(d + h) parameters.

    >>> from lora_cli.models import matrix
    >>> [(t.name, t.shape, t.params) for t in plain(matrix(6, 8), 2)]
    [('A', (2, 6), 12), ('B', (2, 8), 16)]
    """
    return (
        Tensor("A", (r, module.d), key="lora_A.weight", stored=(r, module.d)),
        Tensor("B", (r, module.h), key="lora_B.weight", stored=(module.h, r)),
    )


def __getattr__(name: str) -> Method:
    # One matrix under plain LoRA, the commonest question, needs no more than the formula above.
    if name != "METHOD":
        raise AttributeError(name)
    from lora_cli.methods.parts.lora_tensors import METHOD

    return METHOD
