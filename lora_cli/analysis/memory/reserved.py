"""What PyTorch's allocator reserves for a training."""

from __future__ import annotations

from collections.abc import Iterable

from lora_cli.analysis.memory.caching_allocator import Block, CachingAllocator
from lora_cli.analysis.memory.graphics_card import Card
from lora_cli.analysis.memory.replay.ledger import rounded
from lora_cli.analysis.memory.replay.setup import Setup
from lora_cli.analysis.memory.replay.static import static
from lora_cli.analysis.memory.replay.step import Step, replay
from lora_cli.analysis.memory.training import Training


def reservation(setup: Setup, training: Training, card: Card | None = None) -> tuple[CachingAllocator, Step]:
    """Return the allocator after one step of a training, every layer of it, and that step.

    The allocator has `torch.cuda.max_memory_reserved` and `max_memory_allocated`. The workspaces of cuBLAS, if their bytes are
    known, come from it too: one with the first product of the forward, and one with that of the backward.
    """
    measured = None if card is None else card.measured
    workspaces = () if measured is None else measured.workspaces
    allocator = CachingAllocator(addresses_fall=measured is not None and measured.addresses_fall)

    def hold(sizes: Iterable[int]) -> list[Block]:
        return [allocator.allocate(rounded(size)) for size in sizes]

    held = static(setup, training)
    always = hold((*held.base, *held.beside, *held.states, *workspaces))
    step = replay(setup, training, allocator, None if measured is None else measured.processors)
    del always
    return allocator, step
