"""The device's memory: what is held on it now and the most that was, and the storages that hold it.

A storage is freed when its last holder lets go of it, as in PyTorch, so the reference counts of Python objects say when.
Python drops what a signal raises within a finaliser, Ctrl-C as well as a time limit. So none runs: C code alone notes
that a storage is gone, and the ledger settles it before it is changed or read again.
Sizes are rounded up to 512 bytes, as `CUDACachingAllocator` does. Nothing is computed: only sizes are known.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Any, NamedTuple, Protocol
from weakref import ref

ROUNDING = 512


class Kind(IntEnum):
    """What a storage is for, beside the weights and the optimizer's states."""

    ACTIVATION = 0
    LOSS = 1
    TEMPORARY = 2
    GRADIENT = 3


# What a matrix product is of: the model's weights, what the method adds, or the scores of attention.
WEIGHTS, ADDED, SCORES = "weights", "adapter", "attention"


class Allocator(Protocol):
    """What hands out blocks of device memory (`caching_allocator.CachingAllocator`)."""

    def allocate(self, size: int) -> object:
        """Return a block of at least `size` bytes."""

    def free(self, block: Any) -> None:
        """Take a block back."""


class Peak(NamedTuple):
    """The most bytes that were held at once, and of which kinds they were."""

    total: int = 0
    kinds: tuple[int, ...] = (0,) * len(Kind)


def rounded(size: int) -> int:
    """Return the bytes that the allocator takes for `size` bytes."""
    return -(-size // ROUNDING) * ROUNDING


class Ledger:
    """What is held now, by kinds, the most that was held, and the operations that were done."""

    def __init__(self, allocator: Allocator | None = None) -> None:
        self.allocator = allocator
        # For how many equal blocks the one that runs stands.
        self.times = 1
        self.kind = Kind.ACTIVATION
        self.kinds = [0] * len(Kind)
        self.total = 0
        self.highest = 0
        self.highest_kinds = self.kinds[:]
        # What is held, and what of it is to be taken back, in the order in which the storages went.
        self._claims: set[Claim] = set()
        self._gone: deque[Claim] = deque()
        # Multiplications and additions of the pass so far, by phase and by what is multiplied.
        self.flops: dict[tuple[str, str], int] = {}

    @property
    def phase(self) -> str:
        """What runs now."""
        return ""

    def multiplies(self, of: str, flops: int) -> None:
        """Count the operations of a matrix product."""
        if flops:
            self.flops[self.phase, of] = self.flops.get((self.phase, of), 0) + flops

    def begin(self) -> None:
        """Begin a pass: what is counted from now on is its own, beside what is still held."""
        self.peak()
        self.flops = {}
        self.kind = Kind.ACTIVATION

    def hold(self, storage: Storage) -> Claim:
        """Give a storage its memory, until nothing refers to it."""
        if self._gone:
            self.settle()
        claim = Claim(storage, self._gone.append)
        claim.bytes = size = storage.bytes
        claim.kind = kind = self.kind
        claim.block = None if self.allocator is None or not size else self.allocator.allocate(size)
        self._claims.add(claim)
        self.kinds[kind] += size
        self.total += size
        if self.total > self.highest:
            self.highest, self.highest_kinds = self.total, self.kinds[:]
        return claim

    def settle(self) -> None:
        """Take back the memory of the storages that are gone."""
        while self._gone:
            claim = self._gone.popleft()
            self._claims.remove(claim)
            self.kinds[claim.kind] -= claim.bytes
            self.total -= claim.bytes
            if claim.block is not None and self.allocator is not None:
                self.allocator.free(claim.block)

    def peak(self) -> Peak:
        """Return the peak since the last call, and begin anew."""
        self.settle()
        peak = Peak(self.highest, tuple(self.highest_kinds))
        self.highest, self.highest_kinds = self.total, self.kinds[:]
        return peak

    @contextmanager
    def standing_for(self, times: int) -> Iterator[None]:
        """Let what happens inside stand for the same so many times: what it leaves behind is there as often."""
        before, kinds, flops = self.peak(), self.kinds[:], dict(self.flops)
        self.times *= times
        yield
        self.settle()
        self.times //= times
        for key, count in self.flops.items():
            self.flops[key] = count + (times - 1) * (count - flops.get(key, 0))
        change = [(times - 1) * (now - then) for now, then in zip(self.kinds, kinds, strict=True)]
        grown = sum(change)
        # What grows is highest in the last of them, what shrinks in the first.
        if grown > 0:
            self.highest += grown
            self.highest_kinds = [each + more for each, more in zip(self.highest_kinds, change, strict=True)]
        if before.total > self.highest:
            self.highest, self.highest_kinds = before.total, list(before.kinds)
        self.total += grown
        self.kinds[:] = [each + more for each, more in zip(self.kinds, change, strict=True)]


class Storage:
    """Device memory that is free again when nothing refers to it.

    `is_viewed` says of a gradient that it reaches its input as a view, which keeps what it is a view of.
    """

    __slots__ = ("__weakref__", "_claim", "bytes", "is_viewed", "tape")

    def __init__(self, tape: Ledger, size: int) -> None:
        self.tape = tape
        self.bytes = -(-size // ROUNDING) * ROUNDING
        self.is_viewed = False
        self._claim = tape.hold(self)

    def becomes(self, kind: Kind) -> None:
        """Count it as another kind from now on."""
        claim = self._claim
        self.tape.kinds[claim.kind] -= self.bytes
        self.tape.kinds[kind] += self.bytes
        claim.kind = kind


class Claim(ref[Storage]):
    """What a storage takes of the device's memory, which the ledger has to know when the storage is gone."""

    __slots__ = ("block", "bytes", "kind")

    block: Any
    bytes: int
    kind: Kind
