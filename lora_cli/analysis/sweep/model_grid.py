"""Counts of several models, target sets and ranks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice, product
from typing import TYPE_CHECKING, NamedTuple

from lora_cli.analysis.count.count import Count
from lora_cli.analysis.count.count_plan import Plan, make_plan
from lora_cli.analysis.count.model_count import FIELDS as COUNT_FIELDS
from lora_cli.analysis.count.model_count import ModelCount, count_plan
from lora_cli.analysis.count.remarks import assumed_type, warnings_of
from lora_cli.analysis.memory.arguments import TRAINED_FIELDS
from lora_cli.analysis.progress import Track
from lora_cli.analysis.result import Record
from lora_cli.analysis.revisions import MODEL_REVISION
from lora_cli.analysis.sweep.axes import largest
from lora_cli.analysis.sweep.training_grid import TrainingGrid
from lora_cli.errors import InvalidInput, quote_long
from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.registry import method_named
from lora_cli.models.model import Model
from lora_cli.quantities import Value

if TYPE_CHECKING:
    from lora_cli.analysis.memory.replay.setup import Setup

FIELDS = ("model", "target", *COUNT_FIELDS[1:])


class TargetSet(NamedTuple):
    """A config that adapts some targets, and what the rows call these targets."""

    name: str
    config: AdapterConfig


@dataclass(frozen=True, slots=True)
class ModelGrid:
    """The grid models × target sets × ranks × trainings, the last one fastest.

    Without ranks each method has PEFT's default. Without a training each point is a count; with them it also has the
    memory of its training. `track` sees the points go by.
    """

    models: Sequence[Model]
    target_sets: Sequence[TargetSet]
    ranks: Sequence[int] | None
    training: TrainingGrid | None = None
    track: Track | None = None

    @property
    def size(self) -> int:
        """The number of points."""
        ranks = sum(len(self._ranks(config)) for _, config in self.target_sets)
        return len(self.models) * ranks * (1 if self.training is None else self.training.size)

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of each row, with the commits where a model is from the Hub."""
        revisions = () if all(model.revision is None for model in self.models) else (MODEL_REVISION,)
        return (*FIELDS, *revisions, *(() if self.training is None else TRAINED_FIELDS))

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that are counted."""
        return tuple(dict.fromkeys(config.label for _, config in self.target_sets))

    @property
    def subjects(self) -> tuple[str, ...]:
        """The models that they are counted on."""
        return tuple(model.name for model in self.models)

    @property
    def targets(self) -> tuple[str, ...]:
        """The sets of targets."""
        return tuple(dict.fromkeys(name for name, _ in self.target_sets))

    def notes(self) -> tuple[str, ...]:
        """Return what is said of the sources of the models and of their trainings, each sentence once."""
        trainings = [] if self.training is None else [*self.training.doubtful()]
        said = ((*model.notes, *(note for each in trainings for note in each.notes(model))) for model in self.models)
        return tuple(dict.fromkeys(chain(chain.from_iterable(said), self._assumed_types())))

    def _assumed_types(self) -> Iterator[str]:
        """Yield in which type the files of copies are counted, where the memory beside them is of another."""
        if self.training is not None:
            for model, (_, config) in product(self.models, self.target_sets):
                yield from assumed_type(self._count(model, replace(config, r=self._ranks(config)[0])))

    def _ranks(self, config: AdapterConfig) -> Sequence[int]:
        # A method without a rank is counted once.
        return (config.r,) if self.ranks is None or method_named(config.method).rank is None else self.ranks

    def warnings(self, rows: Sequence[Record] | None = None) -> tuple[str, ...]:
        """Return each model's and target set's warnings at its first rank and the largest, each sentence once.

        Of some `rows` alone these are the ranks that they have.
        """
        found: dict[str, None] = {}
        for model, (target, config) in product(self.models, self.target_sets):
            point, ranks = {"model": model.name, "target": target, "method": config.label}, self._ranks(config)
            if rows is not None:
                shown = [row["r"] for row in rows if point.items() <= row.items()]
                ranks = [rank for rank in shown if isinstance(rank, int)] if len(ranks) > 1 else ranks[: len(shown)]
            if ranks:
                found |= dict.fromkeys(self._warnings(model, config, ranks))
        return tuple(found)

    def _warnings(self, model: Model, config: AdapterConfig, ranks: Sequence[int]) -> Iterator[str]:
        yield from warnings_of(self._count(model, replace(config, r=ranks[0])))
        if (highest := largest(ranks)) != ranks[0]:
            yield from self._count(model, replace(config, r=highest)).rank_problems().values()
        if self.training is not None:
            setup = self._setup(model, replace(config, r=ranks[0]))
            for training in self.training.doubtful():
                yield from training.doubts(setup)

    def _setup(self, model: Model, config: AdapterConfig) -> Setup:
        from lora_cli.analysis.memory.replay.setup import Setup

        return Setup(model, self._count(model, config).plan)

    def settings(self) -> dict[str, Value]:
        """Return the settings that all trainings share, beside those that are fields of the rows."""
        found: dict[str, Value] = {}
        if self.training is not None:
            setups = [self._setup(model, self.target_sets[0].config) for model in self.models]
            for setup, training in product(setups, self.training.doubtful()):
                found |= training.training(setup).arguments(None)
        return {name: value for name, value in found.items() if name not in TRAINED_FIELDS}

    def counts(self) -> Iterator[Count]:
        """Yield the counts, one per point, in the order of `fields`."""
        counts = self._counts()
        yield from counts if self.track is None else self.track(counts, self.size)

    def at(self, place: int) -> Count:
        """Return the count of one point, by its place in the order of `counts`."""
        place, training = divmod(place, 1 if self.training is None else self.training.size)
        points = product(self.models, self.target_sets)
        every = ((model, target, sized) for model, (target, config) in points for sized in self._sized(config))
        model, target, config = next(islice(every, place, None))
        cost = self._count(model, config)
        return Count(self._record(target, cost) | next(self._trained(cost, training)), cost=cost)

    def _counts(self) -> Iterator[Count]:
        for model, (target, config) in product(self.models, self.target_sets):
            like: Plan | None = None
            for sized in self._sized(config):
                cost = self._count(model, sized, like)
                like = cost.plan
                for trained in self._trained(cost):
                    yield Count(self._record(target, cost) | trained, cost=cost)

    def _sized(self, config: AdapterConfig) -> Iterator[AdapterConfig]:
        return (replace(config, r=rank) for rank in self._ranks(config))

    def _record(self, target: str, cost: ModelCount) -> dict[str, Value]:
        return dict.fromkeys(self.fields) | {"model": cost.model, "target": target} | dict(cost.record())

    def _count(self, model: Model, config: AdapterConfig, like: Plan | None = None) -> ModelCount:
        """Return a count, with the places of a plan that is `like` it but for the rank.

        Where it is refused, the sentence names the model, of which there may be hundreds.
        """
        try:
            return count_plan(make_plan(model, config) if like is None else like.resized(config))
        except InvalidInput as error:
            if len(self.models) == 1 or model.name in str(error):
                raise
            raise type(error)(f"{quote_long(model.name)}: {error}") from error

    def _trained(self, cost: ModelCount, first: int = 0) -> Iterator[dict[str, Value]]:
        """Yield what is added to a count: the memory of each training from the `first` on, or nothing once."""
        if self.training is None:
            yield {}
            return
        from lora_cli.analysis.memory.case import case_of

        for training in islice(self.training.trainings(), first, None):
            record = case_of(cost.plan, training).record()
            yield {field: record[field] for field in TRAINED_FIELDS}

    def batches(self) -> Iterable[Iterable[Sequence[Value]]]:
        """Return the records, each a batch of its own."""
        return ([tuple(cost.values())] for cost in self.counts())
