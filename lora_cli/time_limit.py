"""Time limit for work whose length depends on user input."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from lora_cli.errors import InvalidInput


class TookTooLong(InvalidInput):
    """Work that reached its time limit, so its answer is unknown."""


@contextmanager
def time_limit(seconds: float, work: str, fix: str) -> Iterator[None]:
    """Raise `TookTooLong` when the work inside takes more than `seconds`. `work` and `fix` are parts of its message.

    Only the processor time of this process counts, so a busy machine gives the same answer as an idle one. The
    limit is an alarm, which Python handles between its steps and within a regular expression. Alarms need the
    main thread of a Unix process; elsewhere there is no limit.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def stop(*_: object) -> None:
        raise TookTooLong(f"{work} took over {seconds:.0f} s; {fix}")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
