"""The sizes that a method's knob can take: what a search for the largest goes through.

They come in runs along which neither the parameters nor the file get smaller, so that a search need not try
them all. What PEFT refuses may be among them only at the end of a run.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from math import lcm, prod
from typing import Any

from lora_cli.methods.place import Place
from lora_cli.models.config import MAX_SIZE

Runs = Sequence[Sequence[int]]
Sizes = Callable[[Sequence[Place], Any], Runs]


def most_rank(places: Iterable[Place]) -> int:
    """Return the highest rank that any adapted weight can have.

    >>> from lora_cli.models import matrix
    >>> most_rank([Place(matrix(6, 8), 1), Place(matrix(20, 7), 1)])
    7
    """
    modules = (place.module for place in places)
    return max((min(module.d * prod(module.kernel), module.h) for module in modules), default=1)


def ranks(places: Sequence[Place], _: Any) -> Runs:
    """Return the ranks up to the highest that any adapted weight has: more of them would add nothing."""
    return (range(1, most_rank(places) + 1),)


def multiples(places: Iterable[Place], *divisors: int) -> Runs:
    """Return the ranks that each of the divisors divides.

    >>> from lora_cli.models import matrix
    >>> [list(run) for run in multiples([Place(matrix(20, 30), 1)], 4, 6)]
    [[12]]
    """
    step = lcm(*divisors)
    return (range(step, most_rank(places) + 1, step),)


def numbers(places: Sequence[Place], own: Any) -> Runs:
    """Return all whole numbers that a config takes."""
    return (range(1, MAX_SIZE + 1),)


def parted(sizes: range, bends: Iterable[int]) -> Runs:
    """Return a range in parts, of which each begins at a size where what is trained may drop.

    >>> parted(range(1, 10), [3, 7, 12, 3])
    (range(1, 3), range(3, 7), range(7, 10))
    """
    starts = sorted({sizes.start, *(bend for bend in bends if bend in sizes)})
    places = [bisect_left(sizes, start) for start in starts]
    return tuple(sizes[start:end] for start, end in zip(places, [*places[1:], len(sizes)], strict=True))
