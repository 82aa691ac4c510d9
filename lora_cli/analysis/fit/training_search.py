"""What a fit searches where the adapter is given: the largest batch, or the longest sequences, of its training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lora_cli.analysis.count.count_plan import make_plan, plan_tensors
from lora_cli.analysis.edges import Load, edge
from lora_cli.analysis.fit.budget import DoesNotFit, excess, load, remedy, times
from lora_cli.analysis.fit.knob_search import searches_of
from lora_cli.analysis.fit.largest_size import LargestSize, with_limit
from lora_cli.analysis.limits import MAX_MEMORY, Limits
from lora_cli.analysis.memory.arguments import read_arguments
from lora_cli.analysis.memory.longest_input import sizes_of
from lora_cli.analysis.memory.trained_count import TrainedCount
from lora_cli.analysis.progress import Tick, untold
from lora_cli.analysis.subject import Subject
from lora_cli.errors import InvalidInput, argument
from lora_cli.methods.config.adaptation import Adaptation
from lora_cli.methods.config.arguments import ConfigFields, config_fields, read_fields, unknown_warnings


@dataclass(frozen=True)
class TrainingSearch:
    """A counted adapter, and the setting of its training that is searched for."""

    cost: TrainedCount
    knob: str
    tick: Tick = untold

    def at(self, size: int) -> TrainedCount:
        """Return the cost at a size."""
        self.tick()
        changes: dict[str, Any] = {self.knob: size}
        return TrainedCount(
            self.cost.plan,
            self.cost.added,
            self.cost.shared,
            self.cost.prompts,
            self.cost.arguments._replace(**changes),
        )


def training_search(
    subject: Subject, how: Adaptation, knob: str, training: Mapping[str, Any], tick: Tick = untold
) -> tuple[TrainingSearch, list[str]]:
    """Return the search for a setting of a training, and what to warn of: unknown fields of the adapter's file, and doubts."""
    _check(subject, knob, training)
    given = config_fields(how, of_model=True, needs_rank=False)
    search, unknown = _search(subject, how, given, knob, training, tick)
    return search, [*unknown_warnings(given.source, unknown), *search.cost.arguments.doubts(search.cost.setup)]


def training_searches(
    subject: Subject, hows: Sequence[Adaptation], knob: str, training: Mapping[str, Any], tick: Tick = untold
) -> list[TrainingSearch | InvalidInput]:
    """Return the searches with several methods, or why there is none; each method gets the fields that it has."""
    _check(subject, knob, training)
    return searches_of(subject, hows, lambda how, given: _search(subject, how, given, knob, training, tick)[0])


def _check(subject: Subject, knob: str, training: Mapping[str, Any]) -> None:
    if knob in training:
        raise InvalidInput(f"{argument(knob)} is what is searched for; leave it out")
    if subject.model is None:
        raise InvalidInput(f"{argument('knob')} {knob} is of training a model; give {argument('model')}")


def _search(
    subject: Subject, how: Adaptation, given: ConfigFields, knob: str, training: Mapping[str, Any], tick: Tick
) -> tuple[TrainingSearch, Sequence[str]]:
    assert subject.model is not None
    config, unknown = read_fields(how, given)
    plan = make_plan(subject.model, config)
    return TrainingSearch(TrainedCount(plan, *plan_tensors(plan), read_arguments(training)), knob, tick), unknown


def largest_training(search: TrainingSearch, budget: Limits) -> LargestSize:
    """Return the largest size whose training has the memory, which is exact: the next one does not."""
    if MAX_MEMORY not in budget:
        raise InvalidInput(
            f"{argument('knob')} {search.knob} needs {argument(MAX_MEMORY)} or {argument('gpu')}, the memory to fit into"
        )

    def load_at(size: int) -> Load:
        return load(search.at(size), budget)

    sizes = sizes_of(search.cost.setup, search.knob)
    inside, outside = edge(sizes, load_at)
    if inside is None:
        least = search.at(1)
        raise DoesNotFit(
            f"{excess(least, budget)}, even at {search.knob} 1; {remedy(least, budget)}",
            times(load(least, budget)),
            least,
        )
    after = None if outside is None else search.at(outside)
    found = with_limit(search.at(inside), budget, search.knob, inside, outside, after)
    return found if outside is not None else found._replace(notes=(_why_last(search, inside),))


def _why_last(search: TrainingSearch, size: int) -> str:
    model = search.cost.subject.name
    return f"the budget allows more than {search.knob} {size}, but that is the largest that {model} runs"
