"""A count with the memory of its training, for a limit or a budget of memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lora_cli.analysis.count.count import Count
from lora_cli.analysis.count.count_plan import Plan, plan_tensors
from lora_cli.analysis.count.model_count import ModelCount
from lora_cli.analysis.memory.arguments import TrainingArguments, read_arguments
from lora_cli.analysis.memory.replay.setup import Setup
from lora_cli.analysis.memory.verdict import Room, footprint, read_room
from lora_cli.analysis.progress import Tick, untold
from lora_cli.errors import InvalidInput, argument
from lora_cli.quantities import Value


@dataclass(frozen=True)
class TrainedCount(ModelCount):
    """A count, and how it is trained."""

    arguments: TrainingArguments

    def at(self, plan: Plan) -> TrainedCount:
        """Count another plan that is trained in the same way."""
        return TrainedCount(plan, *plan_tensors(plan), self.arguments)

    @cached_property
    def setup(self) -> Setup:
        """What a step of its training works on."""
        return Setup(self.subject, self.plan)

    @property
    def room(self) -> Room | None:
        """What its card has for it, if one is named."""
        return read_room(self.arguments.card, None)

    @property
    def training(self) -> dict[str, Value]:
        """How it is trained, as `training` of a limit of memory takes it."""
        card = self.arguments.card
        return self.arguments.training(self.setup).arguments(None if card is None else card.name)

    @cached_property
    def memory_bytes(self) -> int:
        """What a card must have: the high end of the band, or what stands for it where no card was measured."""
        return footprint(self.setup, self.arguments.training(self.setup), self.arguments.card).judged


def trained_counter(training: Mapping[str, Any], tick: Tick = untold) -> Callable[[Plan], TrainedCount]:
    """Return what counts a plan with the memory of its training. `training` are the keywords of `lora_cli.memory`."""
    arguments = read_arguments(training)

    def count(plan: Plan) -> TrainedCount:
        tick()
        return TrainedCount(plan, *plan_tensors(plan), arguments)

    return count


def with_training(count: Count, training: Mapping[str, Any]) -> Count:
    """Return a count of a model with the memory of its training."""
    if count.model is None or count.cost is None:
        raise InvalidInput(
            f"{argument('max_memory')} is that of training a model, and one matrix is not trained alone; give "
            f"{argument('model')}, or drop {argument('max_memory')}"
        )
    return count.with_cost(trained_counter(training)(count.cost.plan))
