"""Which rows of a sweep are shown, and in which order."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, SupportsIndex, TypeVar

from lora_cli.analysis.limits import BUDGETS, Limits
from lora_cli.errors import InvalidInput, argument, near_miss, quote
from lora_cli.models.matrix import MAX_DIMENSION, whole_number
from lora_cli.quantities import Value

T = TypeVar("T")
FALLING = "-"
# Rows are held to be sorted; a sorted grid of more is refused, unless only some of them are wanted.
MOST_SORTED = 1_000_000


class Selection(NamedTuple):
    """The limits that a row keeps, the field that the rows are sorted by, and how many are wanted.

    `sort` is the name of a field, with - before it for the largest first. A value that is not known comes last.
    """

    limits: Limits = MappingProxyType({})
    sort: str | None = None
    limit: int | None = None

    @property
    def is_everything(self) -> bool:
        """Whether all rows are shown as they come."""
        return not self.limits and self.sort is None and self.limit is None

    def of(self, rows: Iterable[T], value: Callable[[T, str], Value]) -> list[T]:
        """Return the selected rows; `value` gives a row's value of a field."""
        kept = self._kept(rows, value)
        if self.sort is None:
            return list(kept) if self.limit is None else [row for _, row in zip(range(self.limit), kept, strict=False)]
        field, is_falling = self.sort.removeprefix(FALLING), self.sort.startswith(FALLING)

        def key(row: T) -> tuple[bool, object]:
            found = value(row, field)
            return (found is None) != is_falling, found if found is not None else 0

        if self.limit is None:
            return sorted(kept, key=key, reverse=is_falling)
        choose = heapq.nlargest if is_falling else heapq.nsmallest
        return choose(self.limit, kept, key=key)

    def _kept(self, rows: Iterable[T], value: Callable[[T, str], Value]) -> Iterator[T]:
        limits = [(BUDGETS[name], most) for name, most in self.limits.items()]
        for row in rows:
            values = [(value(row, limit.field), limit, most) for limit, most in limits]
            if all(isinstance(found, int | float) and limit.holds(found, most) for found, limit, most in values):
                yield row


EVERYTHING = Selection()


def read_selection(
    fields: Sequence[str], size: int, limits: Mapping[str, int | float], sort: str | None, limit: SupportsIndex | None
) -> Selection:
    """Return the selection among that many rows of these fields that a caller asks for, or refuse it."""
    name = sort.removeprefix(FALLING) if isinstance(sort, str) else sort
    if sort is not None and name not in fields:
        all_fields = f"choose from: {', '.join(fields)}"
        raise InvalidInput(
            f"{argument('sort')}: {quote(name)} is not a field of this sweep; {near_miss(name, fields, all_fields)}"
        )
    most = None if limit is None else whole_number("limit", limit, 1, MAX_DIMENSION)
    if sort is not None and most is None and size > MOST_SORTED:
        raise InvalidInput(
            f"{argument('sort')}: {size:,} rows are too many to sort; give {argument('limit')}, or a grid of at most "
            f"{MOST_SORTED:,} rows"
        )
    return Selection(limits, sort, most)
