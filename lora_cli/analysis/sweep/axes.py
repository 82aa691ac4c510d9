"""The axes of a grid: values, lists and ranges, however long."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, SupportsIndex

from lora_cli.analysis.sweep.axis_text import parse_axis
from lora_cli.errors import InvalidInput, argument
from lora_cli.models.matrix import MAX_DIMENSION, dimension
from lora_cli.quantities import read

# A value, several, or a text as on the command line, e.g. "8:64:8".
Axis = SupportsIndex | Sequence[SupportsIndex] | str


class Axes(NamedTuple):
    """The axes d × h × r of one matrix, the last one fastest. Without h, the matrix is square."""

    d: Sequence[int]
    h: Sequence[int] | None
    r: Sequence[int]

    @property
    def size(self) -> int:
        """The number of points, which may be more than `len` can return."""
        return len(self.d) * (1 if self.h is None else len(self.h)) * len(self.r)

    def point(self, place: int) -> tuple[int, int, int]:
        """Return the d, h and r of the point at a place, counted from 0, without walking there.

        >>> axes = Axes(range(1, 3), (4, 5), (8, 16))
        >>> [axes.point(place) for place in range(axes.size)] == list(axes.points())
        True
        """
        place, r = divmod(place, len(self.r))
        if self.h is None:
            return self.d[place], self.d[place], self.r[r]
        d, h = divmod(place, len(self.h))
        return self.d[d], self.h[h], self.r[r]

    def points(self) -> Iterator[tuple[int, int, int]]:
        """Yield the d, h and r of each point."""
        for d in self.d:
            for h in (d,) if self.h is None else self.h:
                for r in self.r:
                    yield d, h, r


def listed(values: Any) -> list[Any]:
    """Return several values as a list, and a single one, e.g. a text or a path, as a list of one.

    >>> listed("gpt2"), listed(("gpt2", "t5-small")), listed(8)
    (['gpt2'], ['gpt2', 't5-small'], [8])
    """
    if isinstance(values, str):
        return [values]
    try:
        return list(values)
    except TypeError:
        return [values]


def names_of(values: Any) -> list[Any]:
    """Return the names that a caller lists, also in one text as on the command line.

    >>> names_of("lora, dora"), names_of(["lora"])
    (['lora', 'dora'], ['lora'])
    """
    return [name.strip() for name in values.split(",")] if isinstance(values, str) else listed(values)


def largest(sizes: Sequence[int]) -> int:
    """Return the largest size of an axis, without walking through a range.

    >>> largest((8, 32, 16)), largest(range(1, 2**31))
    (32, 2147483647)
    """
    return max(sizes[0], sizes[-1]) if isinstance(sizes, range) else max(sizes)


def read_axis(name: str, values: Axis) -> Sequence[int]:
    """Return the sizes of an axis; an empty one, or a size that no matrix has, raises `InvalidInput`.

    A range is judged by its ends: an axis of a billion points is never walked to be checked.
    """
    if isinstance(values, str):
        return read(name, values, parse_axis, 1, MAX_DIMENSION)
    if isinstance(values, range):
        sizes: Sequence[int] = values
        if values:
            dimension(name, values[0])
            dimension(name, values[-1])
    else:
        sizes = tuple(dimension(name, value) for value in listed(values))
    if not sizes:
        raise InvalidInput(f"{argument(name)}: the axis is empty; give at least one value")
    return sizes
