"""The trainings of a sweep: cards, kinds of quantisation, batches and lengths, however many."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

from lora_cli.analysis.memory.arguments import TrainingArguments, read_arguments
from lora_cli.analysis.sweep.axes import largest, names_of, read_axis
from lora_cli.errors import InvalidInput, argument

# The settings of a training that a sweep takes several of.
AXES = ("gpu", "quantize", "batch", "seq")
# Those of them that are names.
NAMED = ("gpu", "quantize")


class TrainingGrid(NamedTuple):
    """The grid cards × kinds of quantisation × batches × lengths, the last one fastest, of trainings that are alike otherwise.

    Without lengths each model has its own.
    """

    alike: TrainingArguments
    gpu: Sequence[str | None]
    quantize: Sequence[str | None]
    batch: Sequence[int]
    seq: Sequence[int] | None

    @property
    def size(self) -> int:
        """The number of trainings."""
        return len(self.gpu) * len(self.quantize) * len(self.batch) * (1 if self.seq is None else len(self.seq))

    def trainings(self) -> Iterator[TrainingArguments]:
        """Yield each training."""
        for gpu, quantize in product(self.gpu, self.quantize):
            for batch in self.batch:
                for seq in (None,) if self.seq is None else self.seq:
                    yield self._of(gpu, quantize, batch, seq)

    def doubtful(self) -> Iterator[TrainingArguments]:
        """Yield the trainings that have whatever can be doubted of any: of each card and kind of quantisation the longest."""
        longest = None if self.seq is None else largest(self.seq)
        for gpu, quantize in product(self.gpu, self.quantize):
            yield self._of(gpu, quantize, 1, longest)

    def _of(self, gpu: str | None, quantize: str | None, batch: int, seq: int | None) -> TrainingArguments:
        return self.alike._replace(gpu=gpu, quantize=quantize, batch=batch, seq=seq)


def training_grid(axes: Mapping[str, Any], training: Mapping[str, Any]) -> TrainingGrid:
    """Return the grid of the axes that are given, each there or in the training."""
    given = {name: value for name, value in axes.items() if value is not None}
    twice = next((name for name in given if name in training), None)
    if twice is not None:
        raise InvalidInput(f"{argument(twice)} is also given in {argument('training')}; drop one of them")
    alike = read_arguments({name: value for name, value in training.items() if name not in AXES})
    several = {name: training[name] for name in AXES if name in training} | given
    names = {name: names_of(several.get(name, getattr(alike, name))) for name in NAMED}
    empty = next((name for name, values in names.items() if not values), None)
    if empty is not None:
        raise InvalidInput(f"{argument(empty)}: the list is empty; give at least one")
    batch, seq = several.get("batch", alike.batch), several.get("seq")
    return TrainingGrid(
        alike,
        names["gpu"],
        names["quantize"],
        read_axis("batch", batch),
        None if seq is None else read_axis("seq", seq),
    )
