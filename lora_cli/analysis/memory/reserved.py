"""What PyTorch's allocator reserves for a training."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lora_cli.analysis.memory.caching_allocator import Block, CachingAllocator
from lora_cli.analysis.memory.replay.setup import Setup
from lora_cli.analysis.memory.replay.static import static
from lora_cli.analysis.memory.replay.step import replay
from lora_cli.analysis.memory.replay.tape import rounded
from lora_cli.analysis.memory.training import Training


def reserved_bytes(setup: Setup, training: Training, workspaces: Sequence[int] = ()) -> int:
    """Return `torch.cuda.max_memory_reserved` of a training: one step through the allocator's rules, every layer of it.

    The workspaces of cuBLAS, if their bytes are known, come from the same allocator.
    """
    allocator = CachingAllocator()

    def hold(sizes: Iterable[int]) -> list[Block]:
        return [allocator.allocate(rounded(size)) for size in sizes]

    held = static(setup, training)
    always = hold((*held.base, *held.beside, *held.states, *workspaces))
    replay(setup, training, allocator)
    del always
    return allocator.reserved
