"""Counts of one matrix over a grid of sizes and ranks, in constant memory however large the grid is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from lora_cli.analysis.count.count import Count, count_subject, plain_count
from lora_cli.analysis.count.titles import ONE_MATRIX
from lora_cli.analysis.subject import Subject
from lora_cli.analysis.sweep.axes import Axes
from lora_cli.methods.config.adaptation import Adaptation
from lora_cli.methods.registry import DEFAULT_METHOD, method_named
from lora_cli.quantities import Value

# Importing NumPy takes as long as counting this many points one by one.
FEW_POINTS = 1000


@dataclass(frozen=True, slots=True)
class MatrixGrid:
    """The points of some axes under one method; a method without a rank is counted once in place of each rank."""

    axes: Axes
    how: Adaptation
    has_rank: bool = True

    @property
    def size(self) -> int:
        """The number of points."""
        return self.axes.size

    @property
    def _is_plain(self) -> bool:
        return self.how._replace(r=1).is_plain

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that are counted."""
        return (self.how.method_name,)

    @property
    def subjects(self) -> tuple[str, ...]:
        """What they are counted on."""
        is_one = len(self.axes.d) == 1 and (self.axes.h is None or len(self.axes.h) == 1)
        return (ONE_MATRIX if is_one else "matrices",)

    @property
    def targets(self) -> tuple[str, ...]:
        """The sets of targets, which a matrix has none of."""
        return ()

    def counts(self) -> Iterator[Count]:
        """Yield the counts, one per point."""
        for d, h, r in self.axes.points():
            if self._is_plain:
                yield plain_count(d, h, r)
            else:
                yield count_subject(Subject(None, d, h), self.how._replace(r=r if self.has_rank else None))

    def batches(self) -> Iterable[Iterable[Sequence[Value]]]:
        """Return the records in batches; many points of plain LoRA are computed as arrays, some thousand at a time."""
        if not self._is_plain or self.size <= FEW_POINTS:
            return ([tuple(cost.values())] for cost in self.counts())
        from lora_cli.analysis.sweep.batches import GridBatches

        return GridBatches(self.axes)


def matrix_grid(axes: Axes, how: Adaptation) -> MatrixGrid:
    """Return the grid of a method on some axes."""
    if how.method_name == DEFAULT_METHOD or method_named(how.method_name).rank is not None:
        return MatrixGrid(axes, how)
    return MatrixGrid(axes._replace(r=range(1, 2)), how, has_rank=False)
