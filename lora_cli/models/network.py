"""Whether a run may use the network, and how it shows that it waits: set around the run, asked where something is fetched."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol, TypeVar

T = TypeVar("T")

# The variables by which huggingface_hub and transformers are kept from the network, and the values that do so.
OFFLINE_VARIABLES = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
TRUE = frozenset({"1", "ON", "YES", "TRUE"})


class Tracker(Protocol):
    """A wrapper around the parts of some `work`, which shows how far it is."""

    def __call__(self, work: str, parts: Iterable[T], total: int, /) -> Iterable[T]:
        """Yield the parts."""


def untracked(_: str, parts: Iterable[T], __: int, /) -> Iterable[T]:
    """Yield the parts and show nothing."""
    return parts


_offline: ContextVar[bool] = ContextVar("offline", default=False)
_tracker: ContextVar[Tracker] = ContextVar("tracker", default=untracked)


def is_offline() -> bool:
    """Whether the network must not be used."""
    # huggingface_hub asks for the second variable where the first is empty.
    wanted = next(filter(None, map(os.environ.get, OFFLINE_VARIABLES)), "")
    return _offline.get() or wanted.upper() in TRUE


def tracked(work: str, parts: Iterable[T], total: int) -> Iterable[T]:
    """Yield the parts of some work, and show how far it is where the run has a terminal."""
    return _tracker.get()(work, parts, total)


@contextmanager
def network_use(*, offline: bool = False, tracker: Tracker | None = None) -> Iterator[None]:
    """Keep what happens inside the block from the network, or show how long it waits for it.

    >>> with network_use(offline=True):
    ...     is_offline()
    True
    """
    before = _offline.set(offline or _offline.get()), _tracker.set(tracker or _tracker.get())
    try:
        yield
    finally:
        _offline.reset(before[0])
        _tracker.reset(before[1])
