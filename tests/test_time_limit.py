"""The limit counts the time that work computes, not the time that passes."""

from __future__ import annotations

import signal
import threading
import time

import pytest

from lora_cli.errors import InvalidInput
from lora_cli.time_limit import TookTooLong, shared_limits, time_limit


def compute(seconds: float) -> None:
    """Take that much of the processor's time."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def test_work_that_computes_too_long_is_stopped() -> None:
    """The message says what took too long, and what to do."""
    with (
        pytest.raises(InvalidInput, match="counting took over 0 s; count less"),
        time_limit(0.1, "counting", "count less"),
    ):
        compute(30)


def test_waiting_does_not_count() -> None:
    """A process that waits for a busy machine does not compute."""
    with time_limit(0.1, "sleeping", "sleep less"):
        time.sleep(0.5)


def test_the_alarm_is_reset_afterwards() -> None:
    """Whether the work returned or raised."""
    before = signal.getsignal(signal.SIGVTALRM)
    with time_limit(0.1, "a", "b"):
        pass
    with pytest.raises(KeyError), time_limit(0.1, "a", "b"):
        raise KeyError
    assert signal.getsignal(signal.SIGVTALRM) is before
    compute(0.3)


def test_another_thread_has_no_limit() -> None:
    """Only the main thread gets signals."""
    ended: list[bool] = []

    def work() -> None:
        with time_limit(0.1, "a", "b"):
            compute(0.3)
        ended.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert ended == [True]


def test_limits_on_the_same_work_share_their_seconds() -> None:
    """What one of them has taken is missing to the next, but not to other work."""
    with shared_limits():
        with time_limit(0.4, "matching", "b"):
            compute(0.3)
        with time_limit(0.4, "other work", "b"):
            compute(0.3)
        with pytest.raises(TookTooLong, match="matching took over"), time_limit(0.4, "matching", "b"):
            compute(30)
    with time_limit(0.4, "matching", "b"):
        compute(0.3)


def test_what_is_due_is_not_shared() -> None:
    """Each amount of work has a time of its own beside the shared seconds."""
    with shared_limits():
        for _ in range(4):
            with time_limit(0.2, "matching", "b", due=0.3):
                compute(0.2)


def test_inside_another_limit_only_that_one_holds() -> None:
    """A limit in a loop costs nothing, and cannot lengthen the one around it."""
    with pytest.raises(TookTooLong, match="outer"), time_limit(0.3, "outer", "b"), time_limit(30, "inner", "b"):
        compute(30)
    with time_limit(30, "outer", "b"), time_limit(0.1, "inner", "b"):
        compute(0.3)
