"""How a long piece of work lets its caller see how far it is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

T = TypeVar("T")


class Track(Protocol):
    """A wrapper around the parts of a long piece of work, given their number."""

    def __call__(self, parts: Iterable[T], total: int, /) -> Iterable[T]:
        """Yield the parts."""


class Tick(Protocol):
    """What a search calls for each size that it tries: how many there will be is not known."""

    def __call__(self) -> None:
        """Count one more."""


def untold() -> None:
    """Tell nobody of a size that is tried."""
