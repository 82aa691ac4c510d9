"""What a rank is worth: from some rank on, LoRA's A and B hold more than the weight, and then more than any update has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from lora_cli.errors import counted

# The codes of what `inspect` finds, and of what is told beside a count.
PAST_BREAK_EVEN, PAST_DIMENSION = "rank-past-break-even", "rank-past-dimension"


class Sides(NamedTuple):
    """A module's rank, and the sides of the matrix that it adapts.

    A rank of a grouped convolution has d values in A, but only h / groups in B, and the weight has as many fewer.
    """

    r: int
    d: int
    h: int
    groups: int

    @property
    def is_past_dimension(self) -> bool:
        """Whether the rank is larger than the rank of any update."""
        return self.r > min(self.d, self.h)

    @property
    def break_even(self) -> float:
        """The rank at which A and B hold as much as the weight."""
        share = self.h // self.groups
        return self.d * share / (self.d + share)

    @property
    def is_past_break_even(self) -> bool:
        """Whether A and B hold more than the weight does."""
        return not self.is_past_dimension and self.r > self.break_even


def rank_problems(modules: Iterator[tuple[str, Sides]]) -> Mapping[str, str]:
    """Return a sentence by its code for each way in which ranks are too large: of which modules, and where that begins.

    >>> rank_problems(iter([("q", Sides(5, 8, 8, 1)), ("v", Sides(5, 8, 2, 1)), ("up", Sides(5, 64, 64, 1))]))
    {'rank-past-break-even': "1 module ('q') has a rank above the break-even: rank 5, break-even at 4", \
'rank-past-dimension': "1 module ('v') has a rank above min(d, h): rank 5, min(d, h) = 2, break-even at 1.6"}
    """
    past: dict[str, dict[str, Sides]] = {PAST_BREAK_EVEN: {}, PAST_DIMENSION: {}}
    for name, sides in modules:
        if sides.is_past_dimension:
            past[PAST_DIMENSION][name] = sides
        elif sides.is_past_break_even:
            past[PAST_BREAK_EVEN][name] = sides
    return {code: _sentence(code, found) for code, found in past.items() if found}


def _sentence(code: str, past: Mapping[str, Sides]) -> str:
    """Return how many modules there are, and the rank and limits of the one that breaks even first."""
    first = min(past.values(), key=lambda sides: sides.break_even)
    limit, figures = "the break-even", ""
    if code == PAST_DIMENSION:
        limit, figures = "min(d, h)", f"min(d, h) = {min(first.d, first.h)}, "
    have = "has" if len(past) == 1 else "have"
    return (
        f"{counted(list(past), 'module')} {have} a rank above {limit}: "
        f"rank {first.r}, {figures}break-even at {first.break_even:.6g}"
    )
