"""Findings about ranks: those of the file beside the config's, and those that save nothing."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from lora_cli.analysis.count.rank_worth import PAST_BREAK_EVEN, PAST_DIMENSION, Sides, rank_problems
from lora_cli.analysis.inspect.findings.declaration import ERROR, WARNING, counted_with, finding
from lora_cli.analysis.inspect.inspected_adapter import InspectedAdapter


def _sides(adapter: InspectedAdapter) -> Iterator[tuple[str, Sides]]:
    """Yield each module that LoRA adapts with its rank and sides, unless some are stacked."""
    if not adapter.has_stacked_factors:
        for module, pair in adapter.factors.items():
            if module not in adapter.transposed:
                yield module, Sides(pair.r, prod(pair.a.shape[1:]), pair.b.shape[0], pair.groups)


@finding("rank-mismatch", ERROR, "set the config's rank to that in the file")
def rank_mismatch(adapter: InspectedAdapter) -> Iterator[tuple[str, str]]:
    """Find modules whose rank in the file is not the config's."""
    other = adapter.other_ranks
    if other:
        ours, theirs = next(iter(other.values()))
        message = (
            f"{counted_with(list(other), 'module', 'has', 'have')} another rank than the config says: "
            f"{ours} in the file, {theirs} in the config"
        )
        yield message, f"set {adapter.trained.declared.rank_field} to the rank in the file"


@finding(PAST_BREAK_EVEN, WARNING, "lower the rank, or train the weight itself")
def rank_past_break_even(adapter: InspectedAdapter) -> Iterator[str]:
    """Find modules whose A and B hold more than their weight."""
    yield from _problem(PAST_BREAK_EVEN, adapter)


@finding(PAST_DIMENSION, WARNING, "lower the rank: no update has a higher one")
def rank_past_dimension(adapter: InspectedAdapter) -> Iterator[str]:
    """Find modules whose rank is larger than a side of their weight."""
    yield from _problem(PAST_DIMENSION, adapter)


def _problem(code: str, adapter: InspectedAdapter) -> Iterator[str]:
    problems = rank_problems(_sides(adapter))
    if code in problems:
        yield problems[code]
