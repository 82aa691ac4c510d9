"""A training of a model on a card, or on none, and its figures."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lora_cli.analysis.count.count_plan import Plan
from lora_cli.analysis.edges import Load, edge
from lora_cli.analysis.memory.advice import Saving, savings
from lora_cli.analysis.memory.arguments import TrainingArguments
from lora_cli.analysis.memory.graphics_card import Card
from lora_cli.analysis.memory.longest_input import image_tokens, sizes_of
from lora_cli.analysis.memory.replay.ledger import Kind
from lora_cli.analysis.memory.replay.setup import Setup
from lora_cli.analysis.memory.replay.step import replay
from lora_cli.analysis.memory.training import Training
from lora_cli.analysis.memory.verdict import NO, UNCERTAIN, YES, Footprint, Room, card_room, footprint
from lora_cli.analysis.result import Record


@dataclass(frozen=True)
class Case:
    """A training of a model on a card, or on none."""

    setup: Setup
    method: str
    training: Training
    card: Card | None
    room: Room | None

    @cached_property
    def footprint(self) -> Footprint:
        """What it takes."""
        return footprint(self.setup, self.training, self.card)

    @property
    def fits(self) -> str | None:
        """Whether it fits, `uncertain` also where what is not replayed may change that; None without a card.

        What takes less does not save the weights.
        """
        if self.room is None:
            return None
        found, model = self.footprint.fits(self.room), self.setup.model
        have_room = self.footprint.step.static.weights <= self.room.free
        is_open = model.unreplayed if found == YES else found == NO and model.overstated and have_room
        return UNCERTAIN if is_open else found

    @property
    def flops_per_token(self) -> int:
        """The operations of forward and backward for each token."""
        return sum(self.footprint.step.flops.values()) // self.training.tokens

    @cached_property
    def savings(self) -> list[Saving]:
        """What each switch would save."""
        found = savings(self.training, self._peak)
        return sorted(found, key=lambda saving: saving.peak_bytes)

    def _peak(self, training: Training) -> int:
        """Return the peak with other settings, with what a card that was measured allocates beside the step's tensors."""
        if training == self.training:
            return self.footprint.peak_bytes
        if self.card is None or self.card.measured is None:
            return replay(self.setup, training).peak_bytes
        return footprint(self.setup, training, self.card).peak_bytes

    def load(self, training: Training) -> Load:
        """Return the bytes that have to fit, beside those that there are."""
        found = self.footprint if training == self.training else footprint(self.setup, training, self.card)
        return self._load(found.judged)

    def quick_load(self, training: Training) -> Load:
        """Return about the same in a tenth of the time: as if the allocator added the share that it adds here."""
        return self._load(int(replay(self.setup, training).peak_bytes * self._added))

    @cached_property
    def _added(self) -> float:
        return self.footprint.judged / replay(self.setup, self.training).peak_bytes

    def _load(self, needed: int) -> Load:
        assert self.room is not None
        return Load(0, ((needed, self.room.free),))

    def record(self) -> Record:
        """Return the figures."""
        found, training, room = self.footprint, self.training, self.room
        held, peak = found.step.static, found.step.phases[found.step.peak_phase]
        return {
            "model": self.setup.model.name,
            "method": self.method,
            "r": None if self.setup.plan is None else self.setup.plan.config.r or None,
            "batch": training.batch,
            "seq": training.seq,
            "dtype": training.dtype,
            "quantize": training.quantize,
            "weights_bytes": held.weights,
            "adapter_weights_bytes": held.adapter_weights,
            "gradient_bytes": peak.kinds[Kind.GRADIENT],
            "optimizer_bytes": held.optimizer,
            "activation_bytes": peak.kinds[Kind.ACTIVATION],
            "loss_bytes": peak.kinds[Kind.LOSS],
            "temporary_bytes": peak.kinds[Kind.TEMPORARY] + found.beside,
            "peak_bytes": found.peak_bytes,
            "peak_phase": found.step.peak_phase,
            "reserved_bytes": found.reserved,
            "low_bytes": found.low,
            "high_bytes": found.high,
            "gpu": None if self.card is None else self.card.name,
            "gpu_bytes": None if room is None else room.bytes,
            "fits": self.fits,
            "max_batch": self._largest("batch"),
            "max_seq": self._largest("seq"),
            "flops_per_token": self.flops_per_token,
        }

    def _largest(self, name: str) -> int | None:
        """Return the largest batch, or length, that is sure to fit; 0 where not even 1 is.

        None without a card, for the length of an image, which is what it is, and where what is not replayed may take more.
        """
        model = self.setup.model
        if self.room is None or model.unreplayed or (name == "seq" and image_tokens(model)):
            return None

        def at(size: int) -> Training:
            changes: dict[str, Any] = {name: size}
            return self.training._replace(**changes)

        sizes = sizes_of(self.setup, name)
        about = edge(sizes, lambda size: self.quick_load(at(size))).inside
        near = [sizes.index(size) for size in (getattr(self.training, name), about) if size and size <= sizes[-1]]
        return edge(sizes, lambda size: self.load(at(size)), near).inside or 0


def case_of(plan: Plan, arguments: TrainingArguments) -> Case:
    """Return the training of a plan, on the card that its arguments name."""
    setup, card = Setup(plan.subject, plan), arguments.card
    room = None if card is None else card_room(card)
    return Case(setup, plan.config.label, arguments.training(setup), card, room)
