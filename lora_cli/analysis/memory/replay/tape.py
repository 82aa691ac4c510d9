"""What PyTorch holds on the device while it trains: storages, what autograd saves, and the reverse pass.

A storage is freed when its last holder lets go of it, as in PyTorch, so the reference counts of Python objects say when.
Sizes are rounded up to 512 bytes, as `CUDACachingAllocator` does. Nothing is computed: only sizes are known.
"""

from __future__ import annotations

import heapq
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum
from typing import Any, NamedTuple, Protocol

from lora_cli.analysis.memory.replay.checkpoint import Checkpoint, Promise

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


class Storage:
    """Device memory that is free again when nothing refers to it."""

    __slots__ = ("block", "bytes", "kind", "tape")

    def __init__(self, tape: Tape, size: int) -> None:
        self.tape = tape
        self.bytes = -(-size // ROUNDING) * ROUNDING
        self.kind = tape.kind
        tape.kinds[tape.kind] += self.bytes
        tape.total += self.bytes
        self.block = None if tape.allocator is None else tape.allocator.allocate(self.bytes)
        if tape.total > tape.highest:
            tape.highest = tape.total
            tape.highest_kinds = tape.kinds[:]

    def __del__(self) -> None:
        tape = self.tape
        tape.total -= self.bytes
        tape.kinds[self.kind] -= self.bytes
        if self.block is not None and tape.allocator is not None:
            tape.allocator.free(self.block)

    def becomes(self, kind: Kind) -> None:
        """Count it as another kind from now on."""
        self.tape.kinds[self.kind] -= self.bytes
        self.tape.kinds[kind] += self.bytes
        self.kind = kind


class Tensor:
    """A number of values of `width` bytes each in a storage, and the node that made it.

    One that requires a gradient and that no node made is a leaf, which keeps its gradient.
    """

    __slots__ = ("gradient", "node", "numel", "requires_grad", "storage", "width")

    def __init__(self, storage: Storage, numel: int, width: int, *, node: Node | None = None) -> None:
        self.storage = storage
        self.numel = numel
        self.width = width
        self.node = node
        self.requires_grad = node is not None
        self.gradient: Storage | None = None

    def accumulate(self, gradient: Storage) -> None:
        """Keep the gradient."""
        self.gradient = gradient


class Parameter:
    """A weight: its gradient is kept. The memory of weights themselves is counted apart."""

    __slots__ = ("gradient", "numel", "requires_grad", "width")

    def __init__(self, numel: int, width: int, *, requires_grad: bool) -> None:
        self.numel = numel
        self.width = width
        self.requires_grad = requires_grad
        self.gradient: Storage | None = None

    def accumulate(self, gradient: Storage) -> None:
        """Keep a first gradient; a further one is added in place."""
        if self.gradient is None:
            gradient.becomes(Kind.GRADIENT)
            self.gradient = gradient


# From the gradient of an output to those of the inputs, None where there is none.
Backward = Callable[[Storage], Sequence[Storage | None]]


class Node:
    """An operation whose backward will run: what it saved, and where its gradients go."""

    __slots__ = ("backward", "inputs", "kind", "order", "pending", "saved")

    def __init__(
        self, tape: Tape, inputs: Iterable[Tensor | Parameter], saved: Iterable[Storage], backward: Backward
    ) -> None:
        self.order = tape.next_order()
        self.kind = tape.kind
        self.backward: Backward | None = backward
        self.pending = 0
        self.inputs: tuple[Node | Tensor | Parameter | None, ...] = tuple(
            ((isinstance(each, Tensor) and each.node) or each) if each.requires_grad else None for each in inputs
        )
        self.saved: list[Storage | Promise[Storage]] = tape.keep(saved)

    def save(self, tape: Tape, results: Iterable[Storage]) -> None:
        """Save results too."""
        self.saved += tape.keep(results)


class _Segment(NamedTuple):
    """Nodes of blocks that stand for several equal ones: the order of the first and of the one after the last."""

    first: int
    end: int
    times: int


class Tape:
    """The device during one step: what is held now, the most that was held, and what autograd recorded."""

    def __init__(self, allocator: Allocator | None = None) -> None:
        self.allocator = allocator
        self.kind = Kind.ACTIVATION
        self.kinds = [0] * len(Kind)
        self.total = 0
        self.highest = 0
        self.highest_kinds = self.kinds[:]
        self.checkpoint: Checkpoint[Storage] | None = None
        self.is_backward = False
        self.order = 0
        # Multiplications and additions so far, by phase and by what is multiplied.
        self.flops: dict[tuple[str, str], int] = {}
        self.segments: list[_Segment] = []

    def multiplies(self, of: str, flops: int) -> None:
        """Count the operations of a matrix product; what a checkpoint runs again counts apart."""
        again = self.checkpoint is not None and self.checkpoint.is_again
        phase = "recomputation" if again else "backward" if self.is_backward else "forward"
        self.flops[phase, of] = self.flops.get((phase, of), 0) + flops

    def next_order(self) -> int:
        """Return the place of a new node among all."""
        self.order += 1
        return self.order

    def keep(self, saved: Iterable[Storage]) -> list[Storage | Promise[Storage]]:
        """Return what a node holds of what it saves: inside a checkpoint only the promise to make it again."""
        checkpoint = self.checkpoint
        if checkpoint is None:
            return [*saved]
        if not checkpoint.is_again:
            return [checkpoint.promise() for _ in saved]
        kept: list[Storage | Promise[Storage]] = []
        for storage in saved:
            kept.append(storage)
            checkpoint.keep(storage)
        return kept

    def take(self, kept: Storage | Promise[Storage]) -> Storage:
        """Return what a node saved; the first of a checkpoint runs its part again."""
        if isinstance(kept, Storage):
            return kept
        if not kept.checkpoint.is_again:
            outer = self.checkpoint, self.kind
            self.checkpoint, self.kind = kept.checkpoint, Kind.ACTIVATION
            kept.checkpoint.run_again()
            self.checkpoint, self.kind = outer
        return kept.take()

    def checkpointed(self, run: Callable[[], Tensor]) -> Tensor:
        """Run a part of the model without saving what it needs."""
        self.checkpoint = Checkpoint(run)
        try:
            return run()
        finally:
            self.checkpoint = None

    # --- equal blocks --------------------------------------------------------------------------------------------

    def peak(self) -> Peak:
        """Return the peak since the last call, and begin anew."""
        peak = Peak(self.highest, tuple(self.highest_kinds))
        self.highest, self.highest_kinds = self.total, self.kinds[:]
        return peak

    @contextmanager
    def repeated(self, times: int) -> Iterator[None]:
        """Let the blocks that run inside stand for `times` of them: what they leave behind is there as many times."""
        first = self.order + 1
        with self._standing_for(times):
            yield
        self.segments.append(_Segment(first, self.order + 1, times))

    @contextmanager
    def _standing_for(self, times: int) -> Iterator[None]:
        before, kinds, flops = self.peak(), self.kinds[:], dict(self.flops)
        yield
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

    # --- the reverse pass ----------------------------------------------------------------------------------------

    def backward(self, loss: Tensor) -> None:
        """Run the backward of every node that leads to the loss, the newest first (torch/csrc/autograd/engine.cpp)."""
        root = loss.node
        if root is None:
            return
        self.is_backward = True
        _count_pending(root)
        gradients: dict[Node, Storage] = {root: Storage(self, loss.width)}
        queue = [(-root.order, root)]
        del root
        segments = self.segments
        while queue:
            segment = segments.pop() if segments else None
            start = segment.end if segment else 0
            self._run(queue, gradients, start)
            if segment is not None:
                with self._standing_for(segment.times):
                    self._run(queue, gradients, segment.first)

    def _run(self, queue: list[tuple[int, Node]], gradients: dict[Node, Storage], until: int) -> None:
        """Run nodes as long as they are of an order from `until` on."""
        while queue and -queue[0][0] >= until:
            _, node = heapq.heappop(queue)
            gradient = gradients.pop(node)
            kept = [self.take(each) for each in node.saved]
            assert node.backward is not None
            self.kind = Kind.LOSS if node.kind is Kind.LOSS else Kind.TEMPORARY
            results = [*reversed(node.backward(gradient))]
            inputs, node.inputs, node.saved, node.backward = node.inputs, (), [], None
            del kept, gradient, node
            for each in inputs:
                result = results.pop()
                if isinstance(each, Node) and result is not None:
                    _pass_on(each, result, gradients, queue)
                elif isinstance(each, Tensor | Parameter) and result is not None:
                    each.accumulate(result)
                del result


def _pass_on(node: Node, result: Storage, gradients: dict[Node, Storage], queue: list[tuple[int, Node]]) -> None:
    """Add a gradient to those that wait for a node, in place where nothing else holds the sum (`InputBuffer::add`)."""
    if node in gradients:
        # Two references are this frame's: the dictionary's and getrefcount's own.
        if sys.getrefcount(gradients[node]) > 2:
            gradients[node] = Storage(result.tape, gradients[node].bytes)
    else:
        gradients[node] = result
    node.pending -= 1
    if node.pending == 0:
        heapq.heappush(queue, (-node.order, node))


def _count_pending(root: Node) -> None:
    """Count for each node how many gradients it waits for."""
    waiting, seen = [root], {root}
    while waiting:
        for each in waiting.pop().inputs:
            if isinstance(each, Node):
                each.pending += 1
                if each not in seen:
                    seen.add(each)
                    waiting.append(each)
