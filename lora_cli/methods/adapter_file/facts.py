"""What a file's metadata says of its training, read as text that a stranger wrote."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")

# A longer value is not a name or a number. Some metadata has megabytes of JSON, which is not read.
MOST_CHARACTERS = 500
MOST_DIGITS = 18


@dataclass(frozen=True, slots=True)
class TrainingFacts:
    """What the writer noted of the training: None where it did not.

    `base_model` is the base model's name or kind, `steps` and `epochs` are those that were trained, `network_dim` and
    `network_alpha` the rank and alpha that were asked for, which single modules may not follow. `unread` names the
    entries of the metadata that should hold one of these, but do not.
    """

    base_model: str | None = None
    steps: int | None = None
    epochs: int | None = None
    learning_rate: float | None = None
    network_dim: int | None = None
    network_alpha: float | None = None
    unread: tuple[str, ...] = field(default=(), kw_only=True)


NO_FACTS = TrainingFacts()
# What trainers write for a value that they do not have.
NOTHING = frozenset({"", "None", "null"})


def finite_number(value: object) -> float | None:
    """Return a number of a JSON file, None for what is none or has no float."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def rank_number(value: object) -> int | None:
    """Return a rank that a JSON file says, None for what is none."""
    return value if type(value) is int and value > 0 else None


class FactReader:
    """Reads entries of a file's metadata one by one, and keeps the names of those that cannot be read."""

    def __init__(self, metadata: Mapping[str, str]) -> None:
        """Begin with nothing read."""
        self._metadata = metadata
        self.unread: list[str] = []

    def text(self, *names: str) -> str | None:
        """Return the first of some entries that is there."""
        return next((value for name in names if (value := self._read(name, _text)) is not None), None)

    def count(self, name: str) -> int | None:
        """Return a whole number from 0."""
        return self._read(name, _count)

    def number(self, name: str) -> float | None:
        """Return a finite number."""
        return self._read(name, _number)

    def _read(self, name: str, reader: Callable[[str], T]) -> T | None:
        value = self._metadata.get(name, "")
        if value in NOTHING:
            return None
        if len(value) <= MOST_CHARACTERS:
            with suppress(ValueError):
                return reader(value)
        self.unread.append(name)
        return None


def _text(value: str) -> str:
    return value


def _count(value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= MOST_DIGITS):
        raise ValueError
    return int(value)


def _number(value: str) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError
    return number
