"""Whether a count stays inside limits: the question of a CI job."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lora_cli.analysis.count.matrix_count import Record
from lora_cli.analysis.percentages import Figures
from lora_cli.errors import InvalidInput, quote
from lora_cli.quantities import number_text

if TYPE_CHECKING:
    from lora_cli.analysis.inspect.inspection import Inspection

FIELDS = ("rule", "value", "limit", "passed")


@dataclass(frozen=True, slots=True)
class Rule:
    """A limit that can be set: the field that it looks at, when it holds, and what to say where that is unknown."""

    field: str
    holds: Callable[[float, float], bool]
    broken: str
    unknown: str = "the size of the base is not known; name the base model, or leave this limit out"


RULES = {
    "max-percent": Rule("percent_of_full", operator.le, "over"),
    "max-params": Rule("trainable_params", operator.le, "over"),
    "min-saved": Rule("percent_saved", operator.ge, "under"),
    "expect-params": Rule("trainable_params", operator.eq, "off"),
    "max-bytes": Rule(
        "adapter_bytes", operator.le, "over", "PEFT cannot write this file, or how is not known; leave this limit out"
    ),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """One limit held against one count."""

    rule: str
    value: int | float
    limit: int | float

    @property
    def passed(self) -> bool:
        """Whether the limit holds."""
        return RULES[self.rule].holds(self.value, self.limit)

    def record(self) -> Record:
        """Return the verdict by name, in the order of `FIELDS`."""
        return {field: getattr(self, field) for field in FIELDS}

    def failure(self) -> str:
        """Say by how much the limit is missed.

        >>> Verdict("max-params", 65536, 50000).failure()
        'max-params: trainable_params is 65,536, over the limit of 50,000 by 15,536'
        """
        rule = RULES[self.rule]
        text: Callable[[float], str] = number_text if isinstance(self.value, float) else "{:,}".format
        value, limit, gap = text(self.value), text(self.limit), text(abs(self.value - self.limit))
        if value == limit:
            value, limit = repr(self.value), repr(self.limit)
        return f"{self.rule}: {rule.field} is {value}, {rule.broken} the limit of {limit} by {gap}"


def check(
    cost: Figures,
    *,
    max_percent: float | None = None,
    max_params: int | None = None,
    min_saved: float | None = None,
    expect_params: int | None = None,
    max_bytes: int | None = None,
) -> list[Verdict]:
    """Hold `cost` against each limit that is given, in the order of `RULES`.

    Percentages are of full fine-tuning (`percent_of_full`, `percent_saved`), parameters are
    `trainable_params`, bytes `adapter_bytes`. A limit holds at equality. Without any limit there is nothing
    to check, and `InvalidInput` is raised; so it is where a figure is not known.

    >>> from lora_cli import count
    >>> [v.passed for v in check(count(4096, 4096, 16), max_percent=1, max_params=100_000)]
    [True, False]
    """
    for name, percent in (("max_percent", max_percent), ("min_saved", min_saved)):
        if percent is not None and not -math.inf < percent < math.inf:
            raise InvalidInput(f"{name}: {quote(percent)} is no percentage; give a finite number")
    limits = dict(zip(RULES, (max_percent, max_params, min_saved, expect_params, max_bytes), strict=True))
    verdicts = hold(cost, {rule: limit for rule, limit in limits.items() if limit is not None})
    if not verdicts:
        raise InvalidInput(f"no limit to check; give at least one of {', '.join(RULES)}")
    return verdicts


def hold(cost: Figures | Inspection, limits: Mapping[str, int | float]) -> list[Verdict]:
    """Hold `cost` against limits by the names of their rules; one whose figure is not known raises `InvalidInput`."""
    verdicts = []
    for name, rule in RULES.items():
        if name not in limits:
            continue
        value = getattr(cost, rule.field)
        if value is None:
            raise InvalidInput(f"{name}: {rule.field} is unknown here, as {rule.unknown}")
        verdicts.append(Verdict(name, value, limits[name]))
    return verdicts
