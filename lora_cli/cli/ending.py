"""The signals that end a program: what it was writing is cleaned up first."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

# They would end the program at once.
ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


class _Ended(BaseException):
    """The program was asked to end by a signal."""


@contextmanager
def ending_cleanly() -> Iterator[None]:
    """Let the work inside clean up before a signal ends the program. One that the caller ignores, as nohup does, stays so."""

    def end(number: int, _: object) -> None:
        raise _Ended(number)

    if threading.current_thread() is threading.main_thread():
        for number in ENDING:
            if signal.getsignal(number) == signal.SIG_DFL:
                signal.signal(number, end)
    try:
        yield
    except _Ended as ended:
        number = int(ended.args[0])
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
