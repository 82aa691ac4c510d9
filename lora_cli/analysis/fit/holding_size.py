"""The largest size at which a config that breaks a limit would hold it."""

from __future__ import annotations

import operator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lora_cli.analysis.count.model_count import ModelCount
from lora_cli.analysis.fit.budget import DoesNotFit
from lora_cli.analysis.fit.knob_search import KnobSearch
from lora_cli.analysis.fit.largest_size import largest_size
from lora_cli.analysis.limits import BUDGETS, MAX_MEMORY, TRAINING_KNOBS, Limit, Limits
from lora_cli.errors import InvalidInput

if TYPE_CHECKING:
    from lora_cli.analysis.memory.trained_count import TrainedCount

ALL_PERCENT = 100


@dataclass(frozen=True, slots=True)
class PlanSearch(KnobSearch):
    """The search for a size of a config that was counted already, so that its fields are not read again."""

    def at(self, size: int) -> ModelCount:
        """Return the cost at a size of the knob."""
        config, method, knob = self.plan.config, self.plan.method, str(self.knob)
        if knob in method.fields:
            own: Any = config.settings
            settings = replace(own, **{knob: size})
            r = config.r if method.own_rank is None else method.own_rank(settings)
            return self.count(self.plan.resized(replace(config, settings=settings, r=r)))
        return self.count(self.plan.resized(replace(config, r=size)))


def holding_size(cost: ModelCount, limit: Limit, bound: int | float) -> str | None:
    """Say which size of the knob would hold a limit, if the cost is what breaks it; None where nothing is known.

    >>> from lora_cli.analysis.count.adapted_matrix import count_matrix
    >>> from lora_cli.analysis.limits import LIMITS
    >>> from lora_cli.methods.config.adapter_config import AdapterConfig
    >>> holding_size(count_matrix(1024, 1024, AdapterConfig(r=8, target_modules=("W",))), LIMITS["max_params"], 15_000)
    'r 7 would hold'
    """
    search = PlanSearch(cost.plan, {}, cost.method, cost.at)
    budget = _budget(limit, bound)
    if budget is None:
        return None
    if search.knob is None:
        return _trained(cost, budget)
    try:
        found = largest_size(search, budget)
    except DoesNotFit:
        return _trained(cost, budget) or f"no {search.knob} would hold"
    except InvalidInput:
        return None
    figure: int | float | None = getattr(found.cost, limit.field)
    return f"{search.knob} {found.size} would hold" if figure is not None and limit.holds(figure, bound) else None


def _trained(cost: ModelCount, budget: Limits) -> str | None:
    """Say which smaller training would hold a limit of memory; None for any other limit."""
    if MAX_MEMORY not in budget:
        return None
    from lora_cli.analysis.memory.trained_count import TrainedCount

    assert isinstance(cost, TrainedCount)
    return holding_training(cost, budget[MAX_MEMORY])


def holding_training(cost: TrainedCount, most: int | float) -> str:
    """Say which smaller batch, or else which shorter length, would stay inside so much memory."""
    from lora_cli.analysis.fit.training_search import TrainingSearch, largest_training

    tried = []
    for knob in TRAINING_KNOBS:
        try:
            return f"{knob} {largest_training(TrainingSearch(cost, knob), {MAX_MEMORY: most}).size} would hold"
        except DoesNotFit:
            tried.append(knob)
        except InvalidInput:
            # An image has no other length.
            continue
    return f"no smaller {' or '.join(tried)} would hold"


def _budget(limit: Limit, bound: int | float) -> Limits | None:
    """Return the budget that a limit is, if it is one from above: what has to be saved, or trained exactly, is one too."""
    if limit.holds is operator.le:
        budget = {limit.name: bound}
    else:
        budget = {name: bound for name, other in BUDGETS.items() if other.field == limit.field}
        budget = budget or {"max_percent": ALL_PERCENT - bound}
    return budget if all(most >= 0 for most in budget.values()) else None
