"""Time limit for work whose length depends on user input."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from lora_cli.errors import InvalidInput

# The timer and its signal, which Windows does not have.
TIMER, ALARM = getattr(signal, "ITIMER_VIRTUAL", 0), getattr(signal, "SIGVTALRM", 0)
# A timer of no seconds would never ring.
LEAST_SECONDS = 1e-3

_seconds_left: ContextVar[dict[str, float] | None] = ContextVar("seconds_left", default=None)


class TookTooLong(InvalidInput):
    """Work that reached its time limit, so its answer is unknown."""


@contextmanager
def shared_limits() -> Iterator[None]:
    """Make the limits inside on the same work add up to one of them, however often that work is done."""
    token = _seconds_left.set({})
    try:
        yield
    finally:
        _seconds_left.reset(token)


def is_limited() -> bool:
    """Whether a limit holds now."""
    return hasattr(signal, "getitimer") and signal.getitimer(TIMER)[0] > 0


@contextmanager
def time_limit(seconds: float, work: str, fix: str, *, due: float = 0.0) -> Iterator[None]:
    """Raise `TookTooLong` when the work inside takes `seconds` more than is `due` to its amount.

    `work` and `fix` are parts of the message. Inside another limit, only that one holds.

    Only the processor time of this process counts, so a busy machine gives the same answer as an idle one. The
    limit is an alarm, which Python handles between its steps and within a regular expression. Alarms need the
    main thread of a Unix process; elsewhere there is no limit.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not hasattr(signal, "setitimer") or not is_main or is_limited():
        yield
        return

    def stop(*_: object) -> None:
        raise TookTooLong(f"{work} took over {seconds + due:.0f} s; {fix}")

    shared = _seconds_left.get()
    left = seconds if shared is None else shared.get(work, seconds)
    before = signal.signal(ALARM, stop)
    signal.setitimer(TIMER, max(left + due, LEAST_SECONDS))
    try:
        yield
    finally:
        unused, _ = signal.setitimer(TIMER, 0)
        signal.signal(ALARM, before)
        if shared is not None:
            shared[work] = min(left, unused)
