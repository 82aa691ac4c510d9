"""The largest of many sizes that still holds, found with few counts.

What a size costs is mostly a straight line in it, or close to one, so a guess by a line through two known
points is nearly always right at once. Every guess is counted, and the answer is two neighbours of which one
holds and the next does not: where lines mislead, halving finds them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import NamedTuple

# The number of guesses by a line; after these, the run is halved.
MOST_LINES = 8
ROUNDING = 1e-9


class Load(NamedTuple):
    """How a size fares: what it trains, and for each limit its figure and the most that it may be."""

    params: int
    figures: tuple[tuple[float, float], ...]

    @property
    def holds(self) -> bool:
        """Whether each limit holds; equality does."""
        return all(figure <= most for figure, most in self.figures)


# None is a size that PEFT refuses.
Loads = Callable[[int], Load | None]


class Edge(NamedTuple):
    """Two neighbours of a run: the last size that holds and the first that does not, as far as there are any."""

    inside: int | None
    outside: int | None


def edge(run: Sequence[int], load: Loads, first: Sequence[int] = ()) -> Edge:
    """Return where a run of sizes, along which no figure gets smaller, stops holding.

    The indices of `first` are counted before any guess: they are near the edge, or were counted already.

    >>> edge(range(1, 1000), lambda size: Load(7 * size, ((7 * size, 70),)))
    Edge(inside=10, outside=11)
    """
    known: dict[int, Load | None] = {}

    def holds(index: int) -> bool:
        found = known[index] = load(run[index])
        return found is not None and found.holds

    low, high = -1, len(run)
    guesses = 0
    for index in first:
        if low < index < high:
            low, high = (index, high) if holds(index) else (low, index)
    while high - low > 1:
        guess = _guess(run, low, high, known) if guesses < MOST_LINES else (low + high) // 2
        guesses += 1
        if holds(guess):
            low = guess
        else:
            high = guess
    if low < 0:
        return Edge(None, run[0])
    return Edge(run[low], run[high] if high < len(run) else None)


def _guess(run: Sequence[int], low: int, high: int, known: dict[int, Load | None]) -> int:
    """Return an index between two others, by the line through the last two that were counted, or one and 0."""
    if low < 0:
        return 0
    if len(known) == 1:
        # Most figures grow in proportion to the size, or nearly.
        ((index, only),) = known.items()
        shares = [most / figure for figure, most in only.figures if figure] if only is not None else []
        wanted = int(min(run[index] * min(shares, default=1.0), run[-1]))
        return min(max(bisect_right(run, wanted) - 1, low + 1), high - 1) if run[0] < run[-1] else 1
    *_, (start, first), (end, second) = known.items()
    if first is None or second is None:
        return (low + high) // 2
    crossing = high - 1
    for (before, most), (after, _) in zip(first.figures, second.figures, strict=True):
        if before != after:
            # A budget can be too large for floats to multiply, and is beyond the end of the run then.
            steps = (most - before) / (after - before) * (end - start)
            crossing = min(crossing, start + int(max(min(steps + ROUNDING, len(run)), -start)))
    return min(max(crossing, low + 1), high - 1)


def first_alike(run: Sequence[int], load: Loads) -> int:
    """Return the first size from which on a run costs what it does at its end, e.g. above a rank that nothing has.

    >>> first_alike(range(1, 1000), lambda size: Load(min(size, 20), ()))
    20
    """
    last = len(run) - 1
    end = load(run[last])
    low, high = -1, last
    if last and load(run[last - 1]) != end:
        return run[last]
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if load(run[middle]) == end else (middle, high)
    return run[high]
