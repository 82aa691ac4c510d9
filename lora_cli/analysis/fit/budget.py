"""A budget of parameters, a percentage or bytes, and what a count leaves of it or takes beyond it."""

from __future__ import annotations

from lora_cli.analysis.count.model_count import ModelCount
from lora_cli.analysis.edges import Load
from lora_cli.analysis.limits import BUDGETS, LIMITS, MAX_MEMORY, Amount, Limits, card_size_note, read_limits
from lora_cli.errors import InvalidInput, argument, quote
from lora_cli.quantities import bytes_text, number_text


class DoesNotFit(InvalidInput):
    """A budget that not even the smallest size meets; `times` is how many times larger that size is."""

    def __init__(self, sentence: str, times: float) -> None:
        super().__init__(sentence)
        self.times = times


def read_budget(**limits: Amount | None) -> Limits:
    """Return the limits that are set; none at all, or one that is not a number of 0 or more, raises `InvalidInput`."""
    budget = read_limits(**limits)
    for name, most in budget.items():
        if most < 0:
            raise InvalidInput(f"{argument(name)}: {quote(most)} is below 0, so nothing fits; give 0 or more")
    if not budget:
        raise InvalidInput(f"there is no budget to fit into; give at least one of {', '.join(map(argument, BUDGETS))}")
    return budget


def load(cost: ModelCount, budget: Limits) -> Load:
    """Return what a cost trains, and its figures beside the limits."""
    return Load(cost.trainable_params, tuple((figure(cost, name), most) for name, most in budget.items()))


def figure(cost: ModelCount, limit: str) -> int | float:
    """Return the figure that a limit is on."""
    value: int | float | None = getattr(cost, LIMITS[limit].field)
    if value is None:
        raise InvalidInput(
            f"{argument(limit)}: the size of the file of {cost.method} does not follow from its config; "
            f"give {argument('max_params')} instead"
        )
    return value


def excess(cost: ModelCount, budget: Limits) -> str:
    """Say which limits a cost breaks, and by how much."""
    return " and ".join(
        f"{argument(name)}: {LIMITS[name].figure} of {cost.method} is {number_text(figure(cost, name))}, over the budget of "
        f"{number_text(most)} by {number_text(figure(cost, name) - most)}"
        for name, most in budget.items()
        if figure(cost, name) > most
    )


def remedy(cost: ModelCount, budget: Limits) -> str:
    """Say which limits would do: unrounded, so that they do. And what a limit may have been meant as."""
    broken = [name for name, most in budget.items() if figure(cost, name) > most]
    enough = f"give {' and '.join(f'{argument(name)} of {_unrounded(cost, name)}' for name in broken)} or more"
    return "; ".join([enough, *card_size_note(MAX_MEMORY, budget.get(MAX_MEMORY))])


def _unrounded(cost: ModelCount, limit: str) -> str:
    """Return the figure that a limit is on with all its digits, and a size in its unit beside them."""
    value = figure(cost, limit)
    is_size = isinstance(value, int) and value >= 1000 and LIMITS[limit].field.endswith("_bytes")
    return f"{value:,} ({bytes_text(int(value))})" if is_size else f"{value}"


def times(found: Load) -> float:
    """Return how many times larger than the budget a size is, by the limit that it exceeds most."""
    return max(value / (most or 1) for value, most in found.figures)
