"""A budget of parameters, of a percentage or of bytes, and what a count leaves of it or takes beyond it."""

from __future__ import annotations

import math
from collections.abc import Mapping

from lora_cli.analysis.count.model_count import ModelCount
from lora_cli.analysis.fit.search import Load
from lora_cli.errors import InvalidInput, quote
from lora_cli.quantities import number_text

# Each limit, and the field of a count that it is on.
LIMITS = {"max-params": "trainable_params", "max-percent": "percent_of_full", "max-bytes": "adapter_bytes"}

Limits = Mapping[str, int | float]


class DoesNotFit(InvalidInput):
    """A budget that not even the smallest size meets, and how many times over it that is."""

    def __init__(self, sentence: str, times: float) -> None:
        super().__init__(sentence)
        self.times = times


def checked_limits(
    max_params: int | None = None, max_percent: float | None = None, max_bytes: int | None = None
) -> Limits:
    """Return the limits that are given by name; none at all, or one that is no number, raises `InvalidInput`."""
    given = dict(zip(LIMITS, (max_params, max_percent, max_bytes), strict=True))
    limits = {name: most for name, most in given.items() if most is not None}
    for name, most in limits.items():
        if type(most) not in {int, float} or not 0 <= most < math.inf:
            raise InvalidInput(f"{name}: {quote(most)} is no budget; give a finite number of 0 or more")
    if not limits:
        raise InvalidInput(f"no budget to fit into; give at least one of {', '.join(LIMITS)}")
    return limits


def load(cost: ModelCount, limits: Limits) -> Load:
    """Return how a cost does against the limits."""
    return Load(cost.trainable_params, tuple((figure(cost, name), most) for name, most in limits.items()))


def figure(cost: ModelCount, limit: str) -> int | float:
    """Return the figure that a limit is on."""
    value: int | float | None = getattr(cost, LIMITS[limit])
    if value is None:
        raise InvalidInput(
            f"{limit}: how large the file of {cost.method} is does not follow from its config; give max-params instead"
        )
    return value


def excess(cost: ModelCount, limits: Limits) -> str:
    """Say which limits a cost breaks, and by how much."""
    return " and ".join(
        f"{name}: {LIMITS[name]} of {cost.method} is {number_text(figure(cost, name))}, over the budget of "
        f"{number_text(most)} by {number_text(figure(cost, name) - most)}"
        for name, most in limits.items()
        if figure(cost, name) > most
    )


def larger(cost: ModelCount, limits: Limits) -> str:
    """Say which budgets would do: unrounded, so that they do."""
    broken = [name for name, most in limits.items() if figure(cost, name) > most]
    return f"give {' and '.join(f'{name} of {figure(cost, name)}' for name in broken)} or more"


def times(found: Load) -> float:
    """Return how many times over the budget a size is, by the limit that it breaks most."""
    return max(value / (most or 1) for value, most in found.figures)
