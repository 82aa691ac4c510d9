"""The rules by which PyTorch's allocator takes memory from the card: c10/cuda/CUDACachingAllocator.cpp, its defaults.

What it has taken it keeps, so the memory that a process reserves is more than what its tensors use at any time.
"""

from __future__ import annotations

from bisect import bisect_left, insort

MIB = 2**20
# Blocks up to this size come from segments of their own.
SMALL_BLOCK = MIB
SMALL_SEGMENT = 2 * MIB
# Larger blocks up to this size share a segment.
SHARED_BLOCK = 10 * MIB
SHARED_SEGMENT = 20 * MIB
# Larger segments are rounded up to this.
SEGMENT_ROUNDING = 2 * MIB
SMALLEST_BLOCK = 512


class Block:
    """A piece of a segment, between its neighbours."""

    __slots__ = ("address", "after", "before", "is_small", "is_used", "size")

    def __init__(self, address: int, size: int, *, is_small: bool) -> None:
        self.address = address
        self.size = size
        self.is_small = is_small
        self.is_used = False
        self.before: Block | None = None
        self.after: Block | None = None


class CachingAllocator:
    """What is reserved and what of it is used: of the free blocks the smallest one that fits is taken, at the lowest address.

    A rest that is too small to split off stays with its block, and counts as used.
    """

    def __init__(self, *, addresses_fall: bool = False) -> None:
        self.reserved = 0
        self.used = 0
        self.most_used = 0
        # Which of two equal blocks is taken depends on the addresses that CUDA gives to segments.
        self._falls = addresses_fall
        self._low = self._high = 0
        # The free blocks, small ones and others, by size and address.
        self._free: dict[bool, list[tuple[int, int]]] = {True: [], False: []}
        self._blocks: dict[int, Block] = {}

    def allocate(self, size: int) -> Block:
        """Return a block of `size` bytes, a multiple of 512."""
        size = size or SMALLEST_BLOCK
        block = self._fitting(size)
        rest = block.size - size
        if rest >= SMALLEST_BLOCK if block.is_small else rest > SMALL_BLOCK:
            self._split(block, size)
        block.is_used = True
        self.used += block.size
        # Not max(): half a million blocks are handed out for a large model, and a call for each is noticed.
        if self.used > self.most_used:  # noqa: PLR1730
            self.most_used = self.used
        return block

    def free(self, block: Block) -> None:
        """Take a block back, and join it with free neighbours."""
        block.is_used = False
        self.used -= block.size
        for other in (block.after, block.before):
            if other is not None and not other.is_used:
                self._forget(other)
                first, second = (other, block) if other is block.before else (block, other)
                first.size += second.size
                first.after = second.after
                if second.after is not None:
                    second.after.before = first
                block = first
        self._offer(block)

    def _fitting(self, size: int) -> Block:
        is_small = size <= SMALL_BLOCK
        free = self._free[is_small]
        position = bisect_left(free, (size, self._low))
        if position < len(free):
            return self._blocks.pop(free.pop(position)[1])
        if is_small:
            segment = SMALL_SEGMENT
        elif size < SHARED_BLOCK:
            segment = SHARED_SEGMENT
        else:
            segment = -(-size // SEGMENT_ROUNDING) * SEGMENT_ROUNDING
        block = Block(self._address(segment), segment, is_small=is_small)
        self.reserved += segment
        return block

    def _address(self, segment: int) -> int:
        """Return the address of a new segment, below or above all others."""
        if self._falls:
            self._low -= segment
            return self._low
        self._high += segment
        return self._high - segment

    def _split(self, block: Block, size: int) -> None:
        rest = Block(block.address + size, block.size - size, is_small=block.is_small)
        rest.before, rest.after = block, block.after
        if block.after is not None:
            block.after.before = rest
        block.size, block.after = size, rest
        self._offer(rest)

    def _offer(self, block: Block) -> None:
        self._blocks[block.address] = block
        insort(self._free[block.is_small], (block.size, block.address))

    def _forget(self, block: Block) -> None:
        free = self._free[block.is_small]
        del free[bisect_left(free, (block.size, block.address))]
        del self._blocks[block.address]
