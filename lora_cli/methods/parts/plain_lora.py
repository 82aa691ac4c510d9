"""Plain LoRA on one matrix, the most common question: it needs no config and no declaration.

Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", arXiv:2106.09685, section 4.1;
`peft.tuners.lora.layer.Linear`.
"""

from __future__ import annotations

from lora_cli.methods.tensor import Tensor


def plain(d: int, h: int, r: int) -> tuple[Tensor, ...]:
    """Return A (r × d) and B (r × h), together r·(d + h) parameters.

    >>> [(t.name, t.shape, t.params) for t in plain(6, 8, 2)]
    [('A', (2, 6), 12), ('B', (2, 8), 16)]
    """
    return (
        Tensor("A", (r, d), key="lora_A.weight", stored=(r, d)),
        Tensor("B", (r, h), key="lora_B.weight", stored=(h, r)),
    )
