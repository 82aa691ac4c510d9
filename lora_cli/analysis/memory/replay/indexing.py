"""Operations that choose rows or values by indices, and what else routers need."""

from __future__ import annotations

from lora_cli.analysis.memory.replay.ledger import Storage
from lora_cli.analysis.memory.replay.operations import makes, pointwise, record
from lora_cli.analysis.memory.replay.tape import Tape, Tensor

INDEX = 8


def integers(tape: Tape, count: int, width: int = INDEX) -> Tensor:
    """Return indices or counts, which need no gradient."""
    return Tensor(Storage(tape, count * width), count, width)


def gather(x: Tensor, numel: int, index: Tensor) -> Tensor:
    """Take values by an index; the gradient is added up into zeros as large as the input."""
    return record([x], numel, x.width, makes(x.numel * x.width), saves=[index])


def top(x: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the highest values of all rows, `count` together, and their indices (`topk`)."""
    values = record([x], count, x.width, makes(x.numel * x.width))
    chosen = integers(x.tape, count)
    if values.node is not None:
        values.node.save(x.tape, [chosen.storage])
    return values, chosen


def sigmoid(x: Tensor) -> Tensor:
    """Return a value between 0 and 1 for each."""
    return pointwise(x, saves="output")


def row_sum(x: Tensor, rows: int) -> Tensor:
    """Return the sum of each row, whose gradient is only repeated."""
    return record([x], rows, x.width, makes(0))
