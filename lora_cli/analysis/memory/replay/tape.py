"""What autograd records of a forward pass: tensors, nodes, checkpoints, and the reverse pass over them."""

from __future__ import annotations

import heapq
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple
from weakref import ref

from lora_cli.analysis.memory.replay.ledger import Allocator, Kind, Ledger, Storage
from lora_cli.analysis.memory.replay.reductions import reduction_buffer


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

    @property
    def tape(self) -> Tape:
        """The tape that records what is done with it."""
        tape = self.storage.tape
        assert isinstance(tape, Tape)
        return tape

    def accumulate(self, gradient: Storage) -> None:
        """Keep the gradient."""
        self.gradient = gradient


class Parameter:
    """A weight, whose gradient is kept. The memory of weights themselves is counted apart.

    The gradients of a backward, `pending` of them, are summed first; then the sum becomes the gradient, or is added in
    place to that of the passes before (torch/csrc/autograd/functions/accumulate_grad.h).
    """

    __slots__ = ("_sum", "gradient", "numel", "pending", "requires_grad", "width")

    def __init__(self, numel: int, width: int, *, requires_grad: bool) -> None:
        self.numel = numel
        self.width = width
        self.requires_grad = requires_grad
        self.pending = 0
        self.gradient: Storage | None = None
        self._sum: Storage | None = None

    def accumulate(self, gradient: Storage) -> None:
        """Take one of the gradients of a backward."""
        if self._sum is None:
            self._sum = self._own(gradient)
        elif gradient.tape.allocator is None or self._sum.is_viewed:
            self._sum = self._own(Storage(gradient.tape, gradient.bytes))
        self.pending -= 1
        if self.pending == 0:
            summed, self._sum = self._sum, None
            self.gradient = self.gradient or summed

    def _own(self, gradient: Storage) -> Storage:
        """Return what becomes the gradient, counted as such; what is only added to it stays a temporary."""
        if self.gradient is None:
            gradient.becomes(Kind.GRADIENT)
        return gradient


class Unreduced(NamedTuple):
    """A gradient that is summed or cast to the size of its input once the operation's own backward is over.

    Where `columns` are summed, each of `rows` values, a card may need a buffer.
    """

    whole: Storage
    size: int
    columns: int = 0
    rows: int = 0


# From the gradient of an output to those of the inputs, None where there is none.
Backward = Callable[[Storage], Sequence[Storage | Unreduced | None]]


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
        self.saved: list[Storage | Promise] = tape.keep(saved)

    def save(self, tape: Tape, results: Iterable[Storage]) -> None:
        """Save results too."""
        self.saved += tape.keep(results)


class _Enough(Exception):
    """All that a checkpoint has to give back was made again."""


class Promise:
    """What a checkpoint makes again in place of a storage, as long as a node needs it."""

    __slots__ = ("__weakref__", "again", "checkpoint")

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.checkpoint = checkpoint
        self.again: Storage | None = None

    def take(self, tape: Tape) -> Storage:
        """Return the storage; the first of a checkpoint runs the part again."""
        self.checkpoint.run_again(tape)
        again, self.again = self.again, None
        assert again is not None
        return again


class Checkpoint:
    """A part of the model that saves nothing and runs again in the backward (`torch.utils.checkpoint`, not reentrant)."""

    def __init__(self, run: Callable[[], object]) -> None:
        self.run = run
        self.is_again = False
        self.promises: list[ref[Promise]] = []
        self.position = 0

    def run_again(self, tape: Tape) -> None:
        """Run the part again up to the last storage that was promised, once."""
        if self.is_again:
            return
        self.is_again = True
        outer = tape.checkpoint, tape.kind
        tape.checkpoint, tape.kind = self, Kind.ACTIVATION
        try:
            self.run()
        except _Enough:
            pass
        finally:
            tape.checkpoint, tape.kind = outer

    def promise(self) -> Promise:
        """Promise to make a storage again."""
        promise = Promise(self)
        self.promises.append(ref(promise))
        return promise

    def keep(self, storage: Storage) -> None:
        """Keep a promise, if a node still needs it."""
        promise = self.promises[self.position]()
        self.position += 1
        if promise is not None:
            promise.again = storage
        if self.position == len(self.promises):
            raise _Enough


class _Segment(NamedTuple):
    """Nodes of blocks that stand for several equal ones: the order of the first and of the one after the last."""

    first: int
    end: int
    times: int


class Tape(Ledger):
    """The device during one step, and what autograd recorded of it."""

    def __init__(self, allocator: Allocator | None = None, processors: tuple[int, int] | None = None) -> None:
        super().__init__(allocator)
        self.processors = processors
        self.checkpoint: Checkpoint | None = None
        self.is_backward = False
        self.order = 0
        self.segments: list[_Segment] = []
        # What is saved and takes no memory of its own, e.g. a weight: a checkpoint runs again to give it back as well.
        self.held_anyway = Storage(self, 0)

    @property
    def phase(self) -> str:
        """What runs now: forward, backward, or in it a part that a checkpoint runs again."""
        if self.checkpoint is not None and self.checkpoint.is_again:
            return "recomputation"
        return "backward" if self.is_backward else "forward"

    def next_order(self) -> int:
        """Return the place of a new node among all."""
        self.order += 1
        return self.order

    def keep(self, saved: Iterable[Storage]) -> list[Storage | Promise]:
        """Return what a node holds of what it saves: inside a checkpoint only the promise to make it again."""
        checkpoint = self.checkpoint
        if checkpoint is None:
            return [*saved]
        if not checkpoint.is_again:
            return [checkpoint.promise() for _ in saved]
        kept: list[Storage | Promise] = []
        for storage in saved:
            kept.append(storage)
            checkpoint.keep(storage)
        return kept

    def checkpointed(self, run: Callable[[], Tensor]) -> Tensor:
        """Run a part of the model without saving what it needs."""
        self.checkpoint = Checkpoint(run)
        try:
            return run()
        finally:
            self.checkpoint = None

    # --- equal blocks --------------------------------------------------------------------------------------------

    @contextmanager
    def repeated(self, times: int) -> Iterator[None]:
        """Let the blocks that run inside stand for `times` of them: what they leave behind is there as many times."""
        first = self.order + 1
        with self.standing_for(times):
            yield
        self.segments.append(_Segment(first, self.order + 1, times))

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
                with self.standing_for(segment.times):
                    self._run(queue, gradients, segment.first)
        self.is_backward = False

    def _run(self, queue: list[tuple[int, Node]], gradients: dict[Node, Storage], until: int) -> None:
        """Run nodes as long as they are of an order from `until` on."""
        while queue and -queue[0][0] >= until:
            _, node = heapq.heappop(queue)
            gradient = gradients.pop(node)
            kept = [each.take(self) if isinstance(each, Promise) else each for each in node.saved]
            assert node.backward is not None
            self.kind = Kind.LOSS if node.kind is Kind.LOSS else Kind.TEMPORARY
            results = [*reversed(node.backward(gradient))]
            # What a checkpoint gave back is gone once the node has run, what the node itself saved a little later.
            del kept
            _reduce(self, results)
            inputs, node.inputs, node.saved, node.backward = node.inputs, (), [], None
            del gradient, node
            for each in inputs:
                result = results.pop()
                if isinstance(each, Node) and isinstance(result, Storage):
                    _pass_on(each, result, gradients, queue)
                elif isinstance(each, Tensor | Parameter) and isinstance(result, Storage):
                    each.accumulate(result)
                del result


def _reduce(tape: Tape, results: list[Storage | Unreduced | None]) -> None:
    """Turn gradients, the first of which comes last, into those of the size of their inputs (`validate_outputs`)."""
    for index in reversed(range(len(results))):
        if isinstance(made := results[index], Unreduced):
            results[index] = Storage(tape, made.size)
            if tape.processors and made.columns:
                Storage(tape, reduction_buffer(made.columns, made.rows, *tape.processors))
        del made


def _pass_on(node: Node, result: Storage, gradients: dict[Node, Storage], queue: list[tuple[int, Node]]) -> None:
    """Add a gradient to those that wait for a node (`InputBuffer::add`).

    On a card PyTorch adds in place where nothing else holds the sum, as a view's base would
    (`can_accumulate_inplace`). On fake tensors the sum is new memory, and so it is here without an allocator: a peak that
    is at such a sum is an upper bound.
    """
    if node not in gradients:
        gradients[node] = result
    # Two references are this frame's: the dictionary's and getrefcount's own.
    elif result.tape.allocator is None or gradients[node].is_viewed or sys.getrefcount(gradients[node]) > 2:
        gradients[node] = Storage(result.tape, gradients[node].bytes)
    node.pending -= 1
    if node.pending == 0:
        heapq.heappush(queue, (-node.order, node))


def _count_pending(root: Node) -> None:
    """Count for each node and each weight how many gradients it waits for."""
    waiting, seen = [root], {root}
    while waiting:
        for each in waiting.pop().inputs:
            if isinstance(each, Node | Parameter):
                each.pending += 1
            if isinstance(each, Node) and each not in seen:
                seen.add(each)
                waiting.append(each)
