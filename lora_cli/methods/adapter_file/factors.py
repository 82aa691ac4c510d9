"""LoRA's A and B of one module, as a file stores them."""

from __future__ import annotations

from typing import NamedTuple

from lora_cli.models.checkpoints.safetensors_header import Stored

# How the keys of A and B end in PEFT's files: for a Linear or a convolution, and for an Embedding.
FACTOR_ENDINGS = ((".lora_A.weight", ".lora_B.weight"), (".lora_embedding_A", ".lora_embedding_B"))


class Factors(NamedTuple):
    """LoRA's A and B of one module as the file stores them: A as r × d, B as h × r.

    For a convolution the size of its kernel follows, and B is h × r / groups. The weight's update is `scaling` · B·A,
    of h × d. A scaling is None where the file does not tell it.
    """

    module: str
    a: Stored
    b: Stored
    alpha: float | None
    scaling: float | None

    @property
    def r(self) -> int:
        """The rank, from the shape of A."""
        return self.a.shape[0]

    @property
    def groups(self) -> int:
        """How many groups a convolution has; 1 for any other module."""
        return self.a.shape[0] // self.b.shape[1]


def fit_each_other(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    """Whether A and B are of one rank, of which each group of a convolution has its part in B."""
    if not (len(a) == len(b) > 1 and a[0] and b[1]):
        return False
    groups, rest = divmod(a[0], b[1])
    return rest == 0 and (groups == 1 or (len(a) > 2 and b[0] % groups == 0))
