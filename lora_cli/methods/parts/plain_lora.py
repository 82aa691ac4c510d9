"""Plain LoRA on one matrix, the most common question: it needs no config and no declaration.

Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", arXiv:2106.09685, section 4.1;
`peft.tuners.lora.layer.Linear`.
"""

from __future__ import annotations

from lora_cli.methods.tensor import Tensor
from lora_cli.models import Module


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
