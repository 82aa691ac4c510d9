"""Findings about ranks: those of the file beside the config's, and those that save nothing."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import NamedTuple

from lora_cli.analysis.inspect.findings.declaration import ERROR, WARNING, counted_with, finding
from lora_cli.analysis.inspect.inspected_adapter import InspectedAdapter


class Sides(NamedTuple):
    """A module's rank in the file, and the sides of the matrix that it adapts.

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


def _sides(adapter: InspectedAdapter) -> Iterator[tuple[str, Sides]]:
    """Yield each module that LoRA adapts with its rank and sides, unless some are stacked."""
    if not adapter.has_stacked_factors:
        for module, pair in adapter.factors.items():
            if module not in adapter.transposed:
                yield module, Sides(pair.r, prod(pair.a.shape[1:]), pair.b.shape[0], pair.groups)


@finding("rank-mismatch", ERROR, "set r, or rank_pattern, to the rank in the file")
def rank_mismatch(adapter: InspectedAdapter) -> Iterator[str]:
    """Find modules whose rank in the file is not the config's."""
    other = adapter.other_ranks
    if other:
        ours, theirs = next(iter(other.values()))
        yield (
            f"{counted_with(list(other), 'module', 'has', 'have')} another rank than the config says: "
            f"{ours} in the file, {theirs} in the config"
        )


@finding("rank-past-break-even", WARNING, "lower the rank, or train the weight itself")
def rank_past_break_even(adapter: InspectedAdapter) -> Iterator[str]:
    """Find modules whose A and B hold more than their weight."""
    past = {module: sides for module, sides in _sides(adapter) if sides.is_past_break_even}
    if past:
        first = next(iter(past.values()))
        yield (
            f"{counted_with(list(past), 'module', 'has', 'have')} a rank above the break-even: "
            f"rank {first.r}, break-even at {first.break_even:.6g}"
        )


@finding("rank-past-dimension", WARNING, "lower the rank: no update has a higher one")
def rank_past_dimension(adapter: InspectedAdapter) -> Iterator[str]:
    """Find modules whose rank is larger than a side of their weight."""
    past = {module: sides for module, sides in _sides(adapter) if sides.is_past_dimension}
    if past:
        first = next(iter(past.values()))
        yield (
            f"{counted_with(list(past), 'module', 'has', 'have')} a rank above min(d, h): "
            f"rank {first.r}, min(d, h) = {min(first.d, first.h)}"
        )
