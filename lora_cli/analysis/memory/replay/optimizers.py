"""The optimizers: what each keeps of every trained tensor, and what it allocates while it steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import prod
from typing import NamedTuple

from lora_cli.analysis.memory.replay.tape import Storage, Tape

FLOAT32 = 4


class Trained(NamedTuple):
    """A tensor that is trained: its shape and the bytes of a value."""

    shape: tuple[int, ...]
    width: int

    @property
    def numel(self) -> int:
        """The number of values."""
        return prod(self.shape)

    @property
    def bytes(self) -> int:
        """The bytes of all values."""
        return self.numel * self.width


def no_temporaries(tape: Tape, trained: Sequence[Trained]) -> None:
    """Allocate nothing."""


class Optimizer(NamedTuple):
    """The bytes of each state of a tensor, and how a step allocates temporaries on a tape."""

    states: Callable[[Trained], Iterator[int]]
    step: Callable[[Tape, Sequence[Trained]], None] = no_temporaries


def clip(tape: Tape, trained: Sequence[Trained]) -> None:
    """Clip the gradients by their norm, as `Trainer` does (`torch.nn.utils.clip_grad_norm_`)."""
    widths = [each.width for each in trained]
    norms = [Storage(tape, width) for width in widths]
    stacked = Storage(tape, sum(widths))
    norm = Storage(tape, FLOAT32)
    del norms, stacked
    coefficients = [Storage(tape, FLOAT32) for _ in range(2)]
    del norm, coefficients


def _moments(each: Trained) -> Iterator[int]:
    """Return two states as large as the tensor."""
    yield each.bytes
    yield each.bytes


def _fused(each: Trained) -> Iterator[int]:
    """Return two moments; the fused variant of AdamW counts its steps on the device too (`torch.optim.adam._init_group`)."""
    yield from _moments(each)
    yield FLOAT32


def _foreach(tape: Tape, trained: Sequence[Trained]) -> None:
    """Take the root of every second moment at once (`torch.optim.adam._multi_tensor_adam`)."""
    roots = [Storage(tape, each.bytes) for each in trained]
    del roots


def _no_states(_: Trained) -> Iterator[int]:
    yield from ()


OPTIMIZERS: Mapping[str, Optimizer] = {
    "adamw": Optimizer(_fused),
    "adamw-foreach": Optimizer(_moments, _foreach),
    "sgd": Optimizer(_no_states),
}
