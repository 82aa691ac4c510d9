"""The one description of a place in a model that methods and questions work from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Module:
    """A module that holds a weight `W` of `d` inputs by `h` outputs.

    `d` and `h` are integers. A sweep passes int64 arrays of one shape instead and gets arrays from
    the same arithmetic; it answers for their ranges.
    """

    name: str
    d: int
    h: int

    @property
    def weight_params(self) -> int:
        """The parameters of W: d·h."""
        return self.d * self.h
