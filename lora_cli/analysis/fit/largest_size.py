"""The largest size of an adapter inside a budget, found with few counts and exact."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from lora_cli.analysis.count.model_count import ModelCount
from lora_cli.analysis.edges import Load, edge, first_alike
from lora_cli.analysis.fit.budget import DoesNotFit, excess, figure, load, remedy, times
from lora_cli.analysis.fit.knob_search import KnobSearch
from lora_cli.analysis.limits import LIMITS, Limits
from lora_cli.errors import InvalidInput
from lora_cli.methods.knob import most_rank
from lora_cli.time_limit import TookTooLong

COUNTS_KEPT = 16
# The knobs that are ranks. The rank of a weight is at most its smaller side.
RANKS = ("r", "init_r")


class LargestSize(NamedTuple):
    """A cost inside a budget, at which size of which knob, and what the next larger size would cost.

    `limit` is the limit that stops the next size, or the one with the least room. Its `budget`, the `headroom` left of
    it and the `overshoot` of the next size are in its own unit: parameters, percentage points or bytes.
    """

    cost: ModelCount
    limit: str
    budget: int | float
    headroom: int | float
    knob: str | None = None
    size: int | None = None
    next_size: int | None = None
    overshoot: int | float | None = None
    notes: tuple[str, ...] = ()


def largest_size(search: KnobSearch, budget: Limits) -> LargestSize:
    """Return the size at which most is trained inside all limits of the budget.

    It is exact: every limit holds, and each size at which more is trained breaks one. A method without a knob is
    counted as it is configured. Where nothing fits, `DoesNotFit` says what the smallest size costs.
    """
    if search.knob is None:
        return _without_knob(search, budget)
    # Only the last few counts are needed again, and those of a large model are large.
    at = lru_cache(COUNTS_KEPT)(search.at)
    loads: dict[int, Load] = {}
    refusals: dict[int, InvalidInput] = {}

    def try_size(size: int) -> Load | None:
        if size not in loads and size not in refusals:
            try:
                loads[size] = load(at(size), budget)
            except TookTooLong:
                raise
            except InvalidInput as refusal:
                refusals[size] = refusal
        return loads.get(size)

    runs = search.runs()
    edges = [edge(run, try_size) for run in runs]
    fitting = [size for size, _ in edges if size is not None]
    over = {size: loads[size] for _, size in edges if size in loads}
    if not fitting:
        if not over:
            raise next(iter(refusals.values()))
        least = min(over, key=lambda size: times(over[size]))
        raise DoesNotFit(
            f"{excess(at(least), budget)}, even at the smallest size, {search.knob} {least}; {remedy(at(least), budget)}",
            times(over[least]),
            at(least),
        )
    size = min(fitting, key=lambda size: (-loads[size].params, size))
    run = next(run for run in runs if size in run)
    if size == run[-1]:
        size = first_alike(run, try_size)
    larger = [other for other, load_there in over.items() if load_there.params > loads[size].params]
    if larger:
        after = min(larger, key=lambda size: (loads[size].params, size))
        return with_limit(at(size), budget, search.knob, size, after, at(after))
    refusal = next((refusals[outside] for _, outside in edges if outside in refusals), None)
    return with_limit(at(size), budget, search.knob, size)._replace(notes=(_why_last(search, size, refusal),))


def with_limit(
    cost: ModelCount,
    budget: Limits,
    knob: str | None = None,
    size: int | None = None,
    next_size: int | None = None,
    after: ModelCount | None = None,
) -> LargestSize:
    """Return a cost with the limit that the next one breaks; of several, the one with proportionally the least room."""
    broken = [name for name, most in budget.items() if after is not None and figure(after, name) > most]
    limit = min(broken or budget, key=lambda name: (budget[name] - figure(cost, name)) / (budget[name] or 1))
    most = budget[limit]
    overshoot = None if after is None else figure(after, limit) - most
    return LargestSize(cost, LIMITS[limit].rule, most, most - figure(cost, limit), knob, size, next_size, overshoot)


def _without_knob(search: KnobSearch, budget: Limits) -> LargestSize:
    cost = search.as_configured()
    found = load(cost, budget)
    if not found.holds:
        raise DoesNotFit(
            f"{excess(cost, budget)}, and {search.method} has no size to choose; {remedy(cost, budget)}",
            times(found),
            cost,
        )
    note = f"{search.method} has no whole number to choose as its size, so it is counted as it is configured"
    return with_limit(cost, budget)._replace(notes=(note,))


def _why_last(search: KnobSearch, size: int, refusal: InvalidInput | None) -> str:
    """Say why a size is the last although the budget allows more."""
    allowed = f"the budget allows more than {search.knob} {size} of {search.method}"
    if refusal is not None:
        return f"{allowed}, but PEFT does not: {refusal}"
    if search.knob in RANKS and size == most_rank(search.plan.targets.places):
        return f"{allowed}, but no adapted weight has a higher rank, so more would add parameters and nothing else"
    return f"{allowed}, but no other {search.knob} trains more"
