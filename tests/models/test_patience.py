"""How long work may take: as long as it computes, not as long as the clock runs."""

from __future__ import annotations

import signal
import threading
import time

import pytest

from lora_cli.errors import InvalidInput
from lora_cli.time_limit import patience


def compute(seconds: float) -> None:
    """Take that much of the processor's time."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def test_work_that_computes_for_too_long_is_ended() -> None:
    """With what it was, how long it took, and what to do."""
    with (
        pytest.raises(InvalidInput, match="counting took over 0 s; count less"),
        patience(0.1, "counting", "count less"),
    ):
        compute(30)


def test_the_time_of_others_does_not_count() -> None:
    """A process that waits for a busy machine computes nothing meanwhile."""
    with patience(0.1, "sleeping", "sleep less"):
        time.sleep(0.5)


def test_afterwards_no_alarm_rings_and_whose_it_was_has_it_back() -> None:
    """Whether the work ended or failed."""
    before = signal.getsignal(signal.SIGVTALRM)
    with patience(0.1, "a", "b"):
        pass
    with pytest.raises(KeyError), patience(0.1, "a", "b"):
        raise KeyError
    assert signal.getsignal(signal.SIGVTALRM) is before
    compute(0.3)


def test_another_thread_has_no_limit() -> None:
    """It gets no signals."""
    ended: list[bool] = []

    def work() -> None:
        with patience(0.1, "a", "b"):
            compute(0.3)
        ended.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert ended == [True]
