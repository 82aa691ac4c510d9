"""Bounds that no slow machine breaks: of a hang, and of the number of calls that an answer takes."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SECONDS_OF_A_HANG = 30.0


@contextmanager
def ends() -> Iterator[None]:
    """Fail where what is inside takes over 30 s of computing: what may not hang ends in a hundredth of that."""
    start = time.process_time()
    try:
        yield
    finally:
        assert time.process_time() - start < SECONDS_OF_A_HANG


def calls(run: Callable[[], object]) -> int:
    """Return how many functions are called, Python's and built-in ones, until `run` returns."""
    count = 0

    def profile(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(profile)
    try:
        run()
    finally:
        sys.setprofile(None)
    return count
