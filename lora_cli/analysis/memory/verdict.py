"""Whether a training fits on a card: the band of what its process takes, and the largest batch and length that fit."""

from __future__ import annotations

from typing import Any, NamedTuple

from lora_cli.analysis.memory.graphics_card import Card
from lora_cli.analysis.memory.replay.setup import Setup
from lora_cli.analysis.memory.replay.step import Step, replay
from lora_cli.analysis.memory.reserved import reservation
from lora_cli.analysis.memory.training import Training
from lora_cli.errors import InvalidInput, argument
from lora_cli.models.matrix import whole_number
from lora_cli.quantities import LEAST_MEMORY, MOST_MEMORY, parse_memory, read

# What stands for the band where nothing was measured: the widest spread that was measured anywhere, and a context.
UNMEASURED_SPREAD = 0.16
UNMEASURED_CONTEXT = 2**30
YES, NO, UNCERTAIN = "yes", "no", "uncertain"


class Room(NamedTuple):
    """What a training has to fit into: a card that is known, or so many bytes."""

    bytes: int
    card: Card | None = None

    @property
    def free(self) -> int:
        """The bytes that a process can have."""
        return self.bytes - (self.card.measured.driver if self.card and self.card.measured else 0)


def card_room(card: Card) -> Room:
    """Return the memory of a card as what has to be enough."""
    return Room(card.bytes, card)


def read_room(card: Card | None, vram: float | str | None) -> Room | None:
    """Return what has to be enough: a card's memory, or what is given instead."""
    if vram is None:
        return None if card is None else card_room(card)
    if card is not None:
        raise InvalidInput(
            f"{argument('vram')} conflicts with {argument('gpu')}, whose memory is known; drop one of them"
        )
    if isinstance(vram, str):
        return Room(read("vram", vram, parse_memory))
    number: Any = int(vram) if isinstance(vram, float) and vram.is_integer() else vram
    return Room(whole_number("vram", number, LEAST_MEMORY, MOST_MEMORY))


class Footprint(NamedTuple):
    """What a training takes: a step of it, what the allocator reserves, and the band of the process where it is known.

    `beside` is what is allocated beside the step's tensors, where the card was measured: cuBLAS's workspaces, and rests
    of blocks that are too small to use.
    """

    step: Step
    reserved: int
    low: int | None = None
    high: int | None = None
    beside: int = 0

    @property
    def peak_bytes(self) -> int:
        """`torch.cuda.max_memory_allocated`."""
        return self.step.peak_bytes + self.beside

    @property
    def judged(self) -> int:
        """The bytes that have to fit: the high end of the band, or what stands for it."""
        if self.high is not None:
            return self.high
        return _with_spread(self.reserved, UNMEASURED_SPREAD) + UNMEASURED_CONTEXT + self.step.static.paged

    def fits(self, room: Room) -> str:
        """Return `yes` if it is sure to fit, `no` if not even its tensors do, else `uncertain`."""
        return YES if self.judged <= room.free else NO if self.peak_bytes > room.free else UNCERTAIN


def footprint(setup: Setup, training: Training, card: Card | None = None) -> Footprint:
    """Return what a training takes on a card, or on one that was never measured.

    The step of a card that was measured is the one that its allocator saw: the parts that are shown are of that peak.
    States that are paged may all be on the card, or on the host.
    """
    measured = None if card is None else card.measured
    allocator, step = reservation(setup, training, card)
    if measured is None:
        # Without a card's own facts the peak is an upper bound (`tape._pass_on`), and so is what is reserved for it.
        step = replay(setup, training)
        return Footprint(step, max(allocator.reserved, step.peak_bytes))
    low = max(allocator.most_used, int(allocator.reserved / (1 + measured.spread)))
    high = _with_spread(allocator.reserved, measured.spread) + step.static.paged
    beside = allocator.most_used - step.peak_bytes
    return Footprint(step, allocator.reserved, low + measured.context[0], high + measured.context[1], beside)


def _with_spread(reserved: int, spread: float) -> int:
    return int(reserved * (1 + spread))
