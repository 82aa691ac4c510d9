"""A budget of parameters, a percentage or bytes, and what a count leaves of it or takes beyond it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lora_cli.analysis.count.model_count import ModelCount
from lora_cli.analysis.edges import Load
from lora_cli.analysis.limits import BUDGETS, LIMITS, MAX_MEMORY, Amount, Limits, card_size_note, read_limits
from lora_cli.errors import InvalidInput, argument, quote
from lora_cli.quantities import bytes_at_least, memory_text, number_text

if TYPE_CHECKING:
    from lora_cli.analysis.memory.graphics_card import Card
    from lora_cli.analysis.memory.verdict import Room


class DoesNotFit(InvalidInput):
    """A budget that not even the smallest size meets: the `cost` of that, and how many `times` larger it is."""

    def __init__(self, sentence: str, times: float, cost: ModelCount) -> None:
        super().__init__(sentence)
        self.times = times
        self.cost = cost


def read_budget(gpu: str | None = None, **limits: Amount | None) -> Limits:
    """Return the limits that are set, of which the memory of a card is one.

    None at all, or one that is not a number of 0 or more, raises `InvalidInput`.
    """
    budget = read_limits(**limits)
    for name, most in budget.items():
        if most < 0:
            raise InvalidInput(f"{argument(name)}: {quote(most)} is below 0, so nothing fits; give 0 or more")
    if gpu is not None:
        from lora_cli.analysis.memory.cards import find_card
        from lora_cli.analysis.memory.verdict import card_room

        free = card_room(find_card(gpu)).free
        budget[MAX_MEMORY] = min(free, budget.get(MAX_MEMORY, free))
    if not budget:
        card = argument("gpu")
        names = ", ".join([*map(argument, BUDGETS), "the gpu of training" if card == "gpu" else card])
        raise InvalidInput(f"there is no budget to fit into; give at least one of {names}")
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
        f"{argument('gpu' if card else name)}: {LIMITS[name].figure} of {cost.method} is {number_text(figure(cost, name))}, "
        f"over the {f'memory of {card.name}' if card else 'budget'} of {number_text(most)} by "
        f"{number_text(figure(cost, name) - most)}"
        for name, most in budget.items()
        if figure(cost, name) > most
        for card in [_card(cost, name, most)]
    )


def remedy(cost: ModelCount, budget: Limits) -> str:
    """Say which limits would do: unrounded, so that they do. And what a limit may have been meant as."""
    enough = " and ".join(
        f"{'a card with' if _card(cost, name, most) else f'{argument(name)} of'} {_unrounded(cost, name)}"
        for name, most in budget.items()
        if figure(cost, name) > most
    )
    return "; ".join([f"give {enough} or more", *card_size_note(MAX_MEMORY, budget.get(MAX_MEMORY))])


def memory_notes(cost: ModelCount, budget: Limits) -> Iterator[str]:
    """Yield what the limit of memory is: that of the card, or less than cards have that are sold with as much."""
    most = budget.get(MAX_MEMORY)
    card = None if most is None else _card(cost, MAX_MEMORY, most)
    if card is not None and most is not None:
        yield f"the limit is what {card.name} has for a process, {memory_text(int(most))}"
        if card.size_note is not None:
            yield card.size_note
    yield from card_size_note(MAX_MEMORY, most)


def _card(cost: ModelCount, limit: str, most: int | float) -> Card | None:
    """Return the card whose memory a limit is, if it is one's."""
    room: Room | None = getattr(cost, "room", None) if limit == MAX_MEMORY else None
    return room.card if room is not None and room.free == most else None


def _unrounded(cost: ModelCount, limit: str) -> str:
    """Return the figure that a limit is on with all its digits, and beside a size one in its unit, rounded up."""
    value = figure(cost, limit)
    is_size = isinstance(value, int) and value >= 1000 and LIMITS[limit].field.endswith("_bytes")
    return f"{value:,} ({bytes_at_least(int(value))})" if is_size else f"{value}"


def times(found: Load) -> float:
    """Return how many times larger than the budget a size is, by the limit that it exceeds most."""
    return max(value / (most or 1) for value, most in found.figures)
