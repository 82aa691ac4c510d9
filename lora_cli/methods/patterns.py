"""Regular expressions of a user's: refused in words where they are wrong, and never for ever."""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from lora_cli.errors import InvalidInput, quote

PATIENCE_SECONDS = 3.0


@lru_cache(maxsize=1024)
def compiled(text: str) -> re.Pattern[str]:
    """Return the pattern, or refuse what is none."""
    try:
        return re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise InvalidInput(f"{quote(text)} is no regular expression: {quote(str(error))}") from error


@contextmanager
def patience() -> Iterator[None]:
    """Give the matching inside a few seconds: an expression that backtracks for ever is refused.

    `re` looks for signals while it matches, so an alarm can end it; that takes the main thread of a
    Unix process. Elsewhere there is no limit.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def out_of_patience(*_: object) -> None:
        raise InvalidInput(
            f"a regular expression of the targets took over {PATIENCE_SECONDS:g} s on this model's names; "
            "write it without nested repetition such as (a+)+"
        )

    before = signal.signal(signal.SIGALRM, out_of_patience)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
