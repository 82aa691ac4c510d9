"""A plot as a declaration: what is drawn over what, in which units. Both renderers read it, and neither decides anything.

Names may come from files: a declaration makes them short and printable, and tells apart those that become the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from lora_cli.errors import InvalidInput, argument, printable
from lora_cli.output.plots.units import Unit

# What one figure can tell apart, and what a reader can.
MOST_SERIES, MOST_BARS, MOST_POINTS = 20, 60, 5_000
NAME_CHARACTERS, TITLE_CHARACTERS = 40, 80
DOTS = "..."


@dataclass(frozen=True, slots=True)
class Axis:
    """What an axis shows, in words, and in which unit. A logarithmic one has the `base` that its ticks are powers of."""

    label: str
    unit: Unit
    base: int | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """The points of a line, from left to right."""

    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Part:
    """A value for each bar, None where that bar has none; with `is_whole` it is the sum of parts that are not known.

    `fill` is what text draws it with, where a table has that for it, too.
    """

    name: str
    values: tuple[float | None, ...]
    is_whole: bool = False
    fill: str = ""


@dataclass(frozen=True, slots=True)
class Limit:
    """A line across the plot at a value, e.g. a budget or the memory of a card."""

    name: str
    value: float


@dataclass(frozen=True, slots=True)
class LinePlot:
    """Lines of y over x. `fewer` tells a user what makes them fewer."""

    title: tuple[str, ...]
    x: Axis
    y: Axis
    series: tuple[Series, ...]
    limits: tuple[Limit, ...] = ()
    fewer: str = ""

    def __post_init__(self) -> None:
        points = [point for series in self.series for point in series.points]
        _refuse_empty(points)
        _refuse_many("lines", len(self.series), MOST_SERIES, self.fewer)
        _refuse_many("points", len(points), MOST_POINTS, self.fewer)
        _check(self.x, [x for x, _ in points])
        _check(self.y, [*(y for _, y in points), *(limit.value for limit in self.limits)])


@dataclass(frozen=True, slots=True)
class BarPlot:
    """Bars: one for each category, `is_stacked` of its parts, or else several of them beside each other.

    On a logarithmic axis, which has no zero to begin at, dots take the place of bars.
    """

    title: tuple[str, ...]
    categories: tuple[str, ...]
    value: Axis
    parts: tuple[Part, ...]
    limits: tuple[Limit, ...] = ()
    is_stacked: bool = False
    fewer: str = ""

    def __post_init__(self) -> None:
        values = [value for part in self.parts for value in part.values if value is not None]
        if any(len(part.values) != len(self.categories) for part in self.parts):
            raise ValueError("each part has a value, or None, for each category")
        _refuse_empty(values)
        _refuse_many("series", len(self.parts), MOST_SERIES, self.fewer)
        _refuse_many("bars", len(self.categories) if self.is_stacked else len(values), MOST_BARS, self.fewer)
        _check(self.value, [*values, *(limit.value for limit in self.limits)])

    @property
    def totals(self) -> list[float]:
        """The length of each bar of a stack."""
        return [sum(part.values[at] or 0 for part in self.parts) for at in range(len(self.categories))]


Plot = LinePlot | BarPlot


def _refuse_empty(values: Sequence[object]) -> None:
    if not values:
        raise InvalidInput(f"{argument('plot')}: there is nothing to draw: the answer has no number for it")


def _refuse_many(what: str, number: int, most: int, fewer: str) -> None:
    if number > most:
        raise InvalidInput(
            f"{argument('plot')}: {number:,} {what} are more than the {most:,} of a readable plot; {fewer}"
        )


def _check(axis: Axis, values: Iterable[float]) -> None:
    """Raise ValueError for a value that has no place on an axis."""
    if not all(math.isfinite(value) and value >= 0 and (axis.base is None or value > 0) for value in values):
        raise ValueError(f"a value has no place on the axis of {axis.label}")


def refuse_points(number: int, fewer: str) -> None:
    """Refuse an answer of more rows than can be drawn, before any of them is held."""
    _refuse_many("points", number, MOST_POINTS, fewer)


def shortened(text: str, most: int = NAME_CHARACTERS) -> str:
    """Return a name without control characters, and a long one with dots in its middle.

    >>> shortened("\\x1b[31m"), shortened("a" * 30 + "b" * 30, 15)
    ('\\\\x1b[31m', 'aaaaaa...bbbbbb')
    """
    text = printable(text[: 4 * most] + text[max(4 * most, len(text) - 4 * most) :])
    if len(text) <= most:
        return text
    kept = most - len(DOTS)
    return text[: kept - kept // 2] + DOTS + text[len(text) - kept // 2 :]


def titled(parts: Iterable[str]) -> tuple[str, ...]:
    """Return the parts of a title, each short and printable."""
    return tuple(shortened(part, TITLE_CHARACTERS) for part in parts)


def names(texts: Sequence[str], most: int = NAME_CHARACTERS) -> tuple[str, ...]:
    """Return names that differ wherever the texts do, short and printable.

    >>> names(["lora", "vera"]), names(["a" * 50, "a" * 20 + "b" + "a" * 29])
    (('lora', 'vera'), ('aaaaaaaaaaaaaaaaa...aaaaaaaaaaaaaaaa (1)', 'aaaaaaaaaaaaaaaaa...aaaaaaaaaaaaaaaa (2)'))
    """
    short = [shortened(text, most) for text in texts]
    room = most - len(f" ({len(texts)})")
    return tuple(
        name if short.count(name) == 1 else f"{shortened(text, room)} ({short[:at].count(name) + 1})"
        for at, (name, text) in enumerate(zip(short, texts, strict=True))
    )


def value_base(values: Sequence[float], unit: Unit) -> int | None:
    """Return the base of a logarithmic axis for figures over more than two decades, or None for a linear axis.

    >>> from lora_cli.output.plots.units import PARAMETERS
    >>> value_base([1e4, 1e7], PARAMETERS), value_base([1e6, 1e7], PARAMETERS), value_base([0, 1e7], PARAMETERS)
    (10, None, None)
    """
    return unit.base if values and min(values) > 0 and max(values) > 100 * min(values) else None


def size_base(values: Iterable[float]) -> int | None:
    """Return the base of a logarithmic axis for sizes that grow by factors, or None for a linear axis.

    >>> size_base([4, 8, 16, 32]), size_base(range(1, 65)), size_base([1, 3, 1000]), size_base([8, 16])
    (2, None, 10, None)
    """
    sizes = sorted(set(values))
    steps = {high - low for low, high in pairwise(sizes)}
    if len(steps) < 2 or sizes[0] <= 0:
        return None
    if all(float(size).is_integer() and int(size).bit_count() == 1 for size in sizes):
        return 2
    return 10 if sizes[-1] > 100 * sizes[0] else None
