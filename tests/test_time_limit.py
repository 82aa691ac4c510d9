"""The limit counts the time that work computes, not the time that passes."""

from __future__ import annotations

import signal
import threading
import time

import pytest

from lora_cli.errors import InvalidInput
from lora_cli.time_limit import time_limit


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
