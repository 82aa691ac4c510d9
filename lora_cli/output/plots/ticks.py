"""Where an axis begins and ends, and what stands at its ticks."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from lora_cli.output.plots.plot import Axis
from lora_cli.quantities import number_text

# How much of an axis is left free beyond the outermost values.
MARGIN = 0.04
# Round steps of a linear axis, and round numbers within each decade of a logarithmic one, the closest first.
ROUND, WITHIN = (1, 2, 5, 10), ((1, 2, 5), (1, 3))


class Scale(NamedTuple):
    """An axis with numbers on it: from `low` to `high`, with ticks and their labels. `title` ends with the unit."""

    low: float
    high: float
    ticks: tuple[float, ...]
    labels: tuple[str, ...]
    title: str
    base: int | None

    def share(self, value: float) -> float:
        """Return how far along the axis a value is, from 0 to 1."""
        if self.base is None:
            return (value - self.low) / (self.high - self.low)
        return math.log(value / self.low) / math.log(self.high / self.low)


def scale(axis: Axis, values: Iterable[float], most: int, *, from_zero: bool = False) -> Scale:
    """Return the scale of an axis that shows these values, with at most that many ticks, but no fewer than two.

    >>> from lora_cli.output.plots.units import FILE, WHOLE
    >>> shown = scale(Axis("adapter file", FILE), [50_000_000], 5, from_zero=True)
    >>> shown.title, shown.labels
    ('adapter file (MB)', ('0', '10', '20', '30', '40', '50'))
    >>> scale(Axis("rank", WHOLE, 2), [4, 8, 16, 32], 5).labels
    ('4', '8', '16', '32')
    """
    values, most = list(values), max(2, most)
    if axis.base is None:
        return _linear(axis, values, most, from_zero=from_zero)
    low, high = min(values), max(values)
    margin = (high / low) ** MARGIN if high > low else axis.base
    low, high = low / margin, high * margin
    ticks = _powers(axis, low, high, most)
    return Scale(low, high, ticks, tuple(map(axis.unit.text, ticks)), axis.label, axis.base)


def _linear(axis: Axis, values: Sequence[float], most: int, *, from_zero: bool) -> Scale:
    low, high = (0.0 if from_zero else min(values)), max(values)
    if high <= low:
        low, high = (low, low + 1) if from_zero else (max(0, low - 1), low + 1)
    margin = MARGIN * (high - low)
    step = axis.unit.step(high)
    width = _round_step((high - low) / step.size / most, is_whole=axis.unit.is_whole and step.size == 1) * step.size
    low, high = (low if from_zero else low - margin), high + margin
    first = math.ceil(low / width - 1e-9)
    ticks = tuple(at * width for at in range(first, math.floor(high / width + 1e-9) + 1))
    labels = tuple(number_text(round(tick / step.size, 12)) for tick in ticks)
    title = f"{axis.label} ({step.word})" if step.word else axis.label
    return Scale(low, high, ticks, labels, title, None)


def _round_step(least: float, *, is_whole: bool) -> float:
    """Return the smallest of 1, 2, 5, 10, 20, ... and their tenths that is not below `least`."""
    power = math.floor(math.log10(max(least, sys.float_info.min)))
    if is_whole and power < 0:
        return 1
    return next(number * 10.0**power for number in ROUND if number * 10.0**power >= least * (1 - 1e-9))


def _powers(axis: Axis, low: float, high: float, most: int) -> tuple[float, ...]:
    """Return round numbers within each decade of an axis, or the powers of its base, or every second or third power."""
    base = axis.base or 10
    first, last = math.ceil(math.log(low, base) - 1e-9), math.floor(math.log(high, base) + 1e-9)
    for within in WITHIN if base == 10 else ():
        numbers = (number * 10.0**power for power in range(first - 1, last + 1) for number in within)
        shown = tuple(number for number in numbers if low <= number <= high)
        if 2 <= len(shown) <= most:
            return shown
    every = max(1, -(-(last - first + 1) // most))
    return tuple(float(base) ** power for power in range(first, last + 1, every))
