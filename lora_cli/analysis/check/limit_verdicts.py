"""Whether a count keeps the limits, and by how much it misses one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lora_cli.analysis.check.verdict import Verdict
from lora_cli.analysis.limits import LIMITS, MAX_MEMORY, Limit, Limits
from lora_cli.errors import InvalidInput, argument
from lora_cli.quantities import number_text

if TYPE_CHECKING:
    from lora_cli.analysis.count.count import Count
    from lora_cli.analysis.count.model_count import ModelCount
    from lora_cli.analysis.inspect.inspect import Inspection


def judge_limits(figures: Count | Inspection, limits: Limits, path: str | None = None) -> list[Verdict]:
    """Return a verdict on each of the limits, in the order of `LIMITS`; an unknown figure raises `InvalidInput`."""
    return [_judge(limit, figures, limits[name], path) for name, limit in LIMITS.items() if name in limits]


def _judge(limit: Limit, figures: Count | Inspection, bound: int | float, path: str | None) -> Verdict:
    # Only what is trained by a config has memory.
    value: int | float | None = getattr(figures, limit.field, None)
    if value is None:
        raise InvalidInput(f"{argument(limit.name)}: {limit.figure} is unknown, because {limit.unknown}")
    failure = (
        _unreplayed(limit, figures, value)
        if limit.holds(value, bound)
        else _failure(limit, value, bound) + _advice(limit, figures, value, bound)
    )
    if failure is not None and path is not None:
        failure = f"{path}: {failure}"
    return Verdict(limit.rule, value, bound, failure, path)


def _unreplayed(limit: Limit, figures: Count | Inspection, value: float) -> str | None:
    """Return why memory inside a limit is not sure to be, if the training asks for what is not replayed."""
    more = figures.cost.subject.unreplayed if limit.name == MAX_MEMORY and figures.cost is not None else ()
    if not more:
        return None
    return f"{limit.rule}: {limit.figure} is {value:,} of what is replayed, and more may be taken: {more[0]}"


def _advice(limit: Limit, figures: Count | Inspection, value: float, bound: int | float) -> str:
    """Return which size would hold a limit, where the value follows from a config alone, on a model or on what a file adapts."""
    cost: ModelCount | None = getattr(figures, "resizable_cost", figures.cost)
    if cost is None or getattr(cost, limit.field) != value:
        return ""
    from lora_cli.analysis.fit.holding_size import holding_size

    size = holding_size(cost, limit, bound)
    return f"; {size}" if size else ""


def _failure(limit: Limit, value: int | float, bound: int | float) -> str:
    """Return by how much a value misses a limit."""
    text: Callable[[float], str] = number_text if isinstance(value, float) else "{:,}".format
    value_text, bound_text, gap = text(value), text(bound), text(abs(value - bound))
    if value_text == bound_text:
        value_text, bound_text = repr(value), repr(bound)
    return f"{limit.rule}: {limit.figure} is {value_text}, {limit.missed} the limit of {bound_text} by {gap}"
