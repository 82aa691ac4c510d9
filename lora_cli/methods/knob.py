"""The sizes that a method's knob can take: what a search for the largest size goes through.

Sizes come in runs. Along a run neither the parameters nor the file shrink, so a search need not try every size.
Sizes that PEFT refuses may only stand at the end of a run.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from math import lcm, prod

from lora_cli.methods.place import Place
from lora_cli.models.config import MAX_SIZE

Runs = Sequence[Sequence[int]]


def most_rank(places: Iterable[Place]) -> int:
    """Return the highest rank that any of the adapted weights can have.

    >>> from lora_cli.models import matrix
    >>> most_rank([Place(matrix(6, 8), 1), Place(matrix(20, 7), 1)])
    7
    """
    modules = (place.module for place in places)
    return max((min(module.d * prod(module.kernel), module.h) for module in modules), default=1)


def ranks(places: Sequence[Place], _: object) -> Runs:
    """Return the ranks up to the highest that any adapted weight has; a higher rank would add nothing."""
    return (range(1, most_rank(places) + 1),)


def multiples(places: Iterable[Place], *divisors: int) -> Runs:
    """Return the ranks that every one of the divisors divides.

    >>> from lora_cli.models import matrix
    >>> [list(run) for run in multiples([Place(matrix(20, 30), 1)], 4, 6)]
    [[12]]
    """
    step = lcm(*divisors)
    return (range(step, most_rank(places) + 1, step),)


def numbers(places: Sequence[Place], _: object) -> Runs:
    """Return every whole number that a config accepts."""
    return (range(1, MAX_SIZE + 1),)


def runs_between(sizes: range, bends: Iterable[int]) -> Runs:
    """Cut a range into runs, one beginning at each size where the number of trained parameters may drop.

    >>> runs_between(range(1, 10), [3, 7, 12, 3])
    (range(1, 3), range(3, 7), range(7, 10))
    """
    starts = sorted({sizes.start, *(bend for bend in bends if bend in sizes)})
    places = [bisect_left(sizes, start) for start in starts]
    return tuple(sizes[start:end] for start, end in zip(places, [*places[1:], len(sizes)], strict=True))
