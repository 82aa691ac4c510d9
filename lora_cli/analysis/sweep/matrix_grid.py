"""Counts of one matrix over a grid of sizes and ranks, in constant memory however large the grid is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

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
    """The points of some axes under one method, and the count of the first, which shows that the method takes them."""

    axes: Axes
    how: Adaptation
    has_rank: bool
    first: Count

    @property
    def size(self) -> int:
        """The number of points."""
        return self.axes.size

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
        yield self.first
        for point in islice(self.axes.points(), 1, None):
            yield _count(self.how, point, has_rank=self.has_rank)

    def at(self, place: int) -> Count:
        """Return the count of one point, by its place in the order of `counts`."""
        return _count(self.how, self.axes.point(place), has_rank=self.has_rank)

    def batches(self) -> Iterable[Iterable[Sequence[Value]]]:
        """Return the records in batches; many points of plain LoRA are computed as arrays, some thousand at a time."""
        if not _is_plain(self.how) or self.size <= FEW_POINTS:
            return ([tuple(cost.values())] for cost in self.counts())
        from lora_cli.analysis.sweep.batches import GridBatches

        return GridBatches(self.axes)


def matrix_grid(axes: Axes, how: Adaptation) -> MatrixGrid:
    """Return the grid of a method on some axes; a method without a rank is counted once in place of each rank."""
    has_rank = how.method_name == DEFAULT_METHOD or method_named(how.method_name).rank is not None
    axes = axes if has_rank else axes._replace(r=range(1, 2))
    return MatrixGrid(axes, how, has_rank, _count(how, next(axes.points()), has_rank=has_rank))


def _count(how: Adaptation, point: tuple[int, int, int], *, has_rank: bool) -> Count:
    d, h, r = point
    return (
        plain_count(d, h, r)
        if _is_plain(how)
        else count_subject(Subject(None, d, h), how._replace(r=r if has_rank else None))
    )


def _is_plain(how: Adaptation) -> bool:
    return how._replace(r=1).is_plain
