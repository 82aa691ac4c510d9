"""What vLLM holds beside each kind of layer for one adapter: the shapes of `lora_a_stacked` and `lora_b_stacked`.

Every function returns the values of A and B together on one card, for each unit of the rank, of a layer of `d` inputs
and `h` outputs. From vLLM 0.33.0, without `fully_sharded_loras`, which is off by default.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from lora_cli.errors import InvalidInput, argument


class Cards(NamedTuple):
    """The cards that share a model (`tensor_parallel_size`), and the heads of its attention."""

    number: int
    heads: int
    groups: int

    def share(self, size: int) -> int:
        """Return a card's share of a size, which vLLM's `divide` wants to be whole."""
        if size % self.number:
            raise InvalidInput(f"{argument('tp')}: {self.number} cards cannot share {size:,} evenly, as vLLM has to")
        return size // self.number

    @property
    def own_heads(self) -> int:
        """The heads of queries on one card."""
        return self.share(self.heads)

    @property
    def own_groups(self) -> int:
        """The heads of keys and values on one card. `QKVParallelLinear` repeats them where there are more cards."""
        if self.number < self.groups:
            return self.share(self.groups)
        if self.number % self.groups:
            raise InvalidInput(
                f"{argument('tp')}: vLLM cannot repeat {self.groups} key-value heads evenly on {self.number} cards"
            )
        return 1


Layer = Callable[[int, int, Cards], int]


def column(d: int, h: int, cards: Cards) -> int:
    """Return d and a share of h: B is split, A is whole. `ColumnParallelLinearWithLoRA` in `vllm/lora/layers/column_parallel_linear.py`.

    The layers that vLLM fuses keep an A and a B for each of them (`MergedColumnParallelLinearWithLoRA`), which takes as
    much as if they stood alone.

    >>> column(4096, 14336, Cards(2, 32, 8)) == 4096 + 14336 // 2
    True
    """
    return d + cards.share(h)


def keys(d: int, h: int, cards: Cards) -> int:
    """Return the same for keys or values, of which each card has at least one head: `MergedQKVParallelLinearWithLoRA` in the same file.

    >>> keys(4096, 1024, Cards(16, 32, 8)) == 4096 + 128
    True
    """
    return d + h // cards.groups * cards.own_groups


def fused_attention(d: int, h: int, cards: Cards) -> int:
    """Return the same for queries, keys and values in one matrix: `QKVParallelLinearWithLoRA` in the same file."""
    return d + h // (cards.heads + 2 * cards.groups) * (cards.own_heads + 2 * cards.own_groups)


def halves(d: int, h: int, cards: Cards) -> int:
    """Return the same for two matrices in one, with an A for each.

    `packed_modules_mapping` in `vllm/model_executor/models/glm4.py` names two, though the checkpoint has one.
    """
    return 2 * d + cards.share(h)


def row(d: int, h: int, cards: Cards) -> int:
    """Return a share of d and h: A is split, B is whole. `RowParallelLinearWithLoRA` in `vllm/lora/layers/row_parallel_linear.py`.

    >>> row(14336, 4096, Cards(2, 32, 8)) == 14336 // 2 + 4096
    True
    """
    return cards.share(d) + h


def whole(d: int, h: int, _: Cards) -> int:
    """Return d and h: A and B are on every card.

    So it is beside a router, a `GateLinear` (`ReplicatedLinearWithLoRA` in `vllm/lora/layers/replicated_linear.py`), of
    the embeddings, which are not split though their base is (`VocabParallelEmbeddingWithLoRA` in
    `vocab_parallel_embedding.py`), and of the output (`LogitsProcessorWithLoRA` in `logits_processor.py`).
    """
    return d + h
