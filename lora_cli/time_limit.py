"""Work whose length a user's input decides is given some seconds and not for ever."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from lora_cli.errors import InvalidInput


class OutOfPatience(InvalidInput):
    """Work that took too long, so that its answer is not known."""


@contextmanager
def patience(seconds: float, work: str, fix: str) -> Iterator[None]:
    """Give the work inside `seconds` of computing; then `OutOfPatience` ends it, with a sentence of `work` and `fix`.

    The time that other programs take does not count, so what is answered on an idle machine is answered on a
    busy one. Python looks for signals between its steps and inside a regular expression, so an alarm can end
    both; that takes the main thread of a Unix process. Elsewhere there is no limit.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def out_of_patience(*_: object) -> None:
        raise OutOfPatience(f"{work} took over {seconds:.0f} s; {fix}")

    before = signal.signal(signal.SIGVTALRM, out_of_patience)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
