"""Whether a training fits on a card: the band of what its process takes, and the largest batch and length that fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from lora_cli.analysis.memory.cards import Card
from lora_cli.analysis.memory.replay.setup import Setup
from lora_cli.analysis.memory.replay.step import Step, replay
from lora_cli.analysis.memory.reserved import reserved_bytes
from lora_cli.analysis.memory.training import Training
from lora_cli.models.matrix import MAX_DIMENSION

# What stands for the band where nothing was measured: the widest spread that was measured anywhere, and a context.
UNMEASURED_SPREAD = 0.16
UNMEASURED_CONTEXT = 2**30
YES, NO, UNCERTAIN = "yes", "no", "uncertain"


class Room(NamedTuple):
    """What a training has to fit into: a card that is known, or so many bytes."""

    bytes: int
    card: Card | None = None


class Footprint(NamedTuple):
    """What a training takes: a step of it, what the allocator reserves, and the band of the process where it is known."""

    step: Step
    reserved: int
    low: int | None = None
    high: int | None = None
    workspaces: int = 0

    @property
    def peak_bytes(self) -> int:
        """`torch.cuda.max_memory_allocated`: the step's, and cuBLAS's workspaces where they are known."""
        return self.step.peak_bytes + self.workspaces

    @property
    def judged(self) -> int:
        """The bytes that have to fit: the high end of the band, or what stands for it."""
        return (
            self.high if self.high is not None else _with_spread(self.reserved, UNMEASURED_SPREAD) + UNMEASURED_CONTEXT
        )

    def fits(self, room: Room) -> str:
        """Return `yes` if it is sure to fit, `no` if not even its tensors do, else `uncertain`."""
        return YES if self.judged <= room.bytes else NO if self.peak_bytes > room.bytes else UNCERTAIN


def footprint(setup: Setup, training: Training, card: Card | None = None) -> Footprint:
    """Return what a training takes on a card, or on one that was never measured."""
    measured = None if card is None else card.measured
    step = replay(setup, training)
    reserved = reserved_bytes(setup, training, () if measured is None else measured.workspaces)
    if measured is None:
        return Footprint(step, reserved)
    workspaces = sum(measured.workspaces)
    low = max(step.peak_bytes + workspaces, int(reserved / (1 + measured.spread))) + measured.context
    return Footprint(step, reserved, low, _with_spread(reserved, measured.spread) + measured.context, workspaces)


def _with_spread(reserved: int, spread: float) -> int:
    return int(reserved * (1 + spread))


def largest(fits: Callable[[int], bool], start: int) -> int | None:
    """Return the largest size that fits, found by doubling and halving from `start`; None if not even 1 fits.

    >>> largest(lambda size: size <= 37, 8), largest(lambda size: False, 8)
    (37, None)
    """
    low, high = 0, start
    while high < MAX_DIMENSION and fits(high):
        low, high = high, min(2 * high, MAX_DIMENSION)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low or None
