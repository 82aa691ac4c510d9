"""A storage is taken back when nothing refers to it, and nothing that a signal raises is lost by that."""

from __future__ import annotations

import signal
import sys
from types import FrameType

import pytest

from lora_cli.analysis.memory.replay.ledger import Kind, Ledger, Peak, Storage


class Recorded:
    """An allocator that records what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def allocate(self, size: int) -> int:
        """Hand out a block, which is its size."""
        self.asked.append(f"allocate {size}")
        return size

    def free(self, block: int) -> None:
        """Take a block back."""
        self.asked.append(f"free {block}")


class Interrupted(Recorded):
    """An allocator in which Ctrl-C is pressed when it takes a block back."""

    def free(self, block: int) -> None:
        """Take a block back, and interrupt."""
        super().free(block)
        signal.raise_signal(signal.SIGINT)


def test_an_interruption_while_memory_is_taken_back_is_raised() -> None:
    """Within a finaliser Python would print and drop it."""
    ledger = Ledger(Interrupted())
    storage = Storage(ledger, 512)
    del storage
    with pytest.raises(KeyboardInterrupt):
        Storage(ledger, 512)


def test_no_python_code_runs_when_a_storage_goes() -> None:
    """So there is no moment in it at which a signal is handled."""
    ledger = Ledger(Recorded())
    held = [Storage(ledger, 512)]
    called: list[str] = []

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            called.append(frame.f_code.co_name)

    sys.setprofile(note)
    held.clear()
    sys.setprofile(None)
    assert called == []


def test_blocks_go_back_in_the_order_in_which_storages_went() -> None:
    """And before the next one is handed out, which may be one of them."""
    allocator = Recorded()
    ledger = Ledger(allocator)
    first, second = Storage(ledger, 512), Storage(ledger, 1024)
    del second
    del first
    third = Storage(ledger, 1536)
    assert allocator.asked == ["allocate 512", "allocate 1024", "free 1024", "free 512", f"allocate {third.bytes}"]


def test_what_is_gone_is_in_no_later_peak() -> None:
    """The kind that a storage had at last is the one that is less."""
    ledger = Ledger()
    storage = Storage(ledger, 512)
    storage.becomes(Kind.GRADIENT)
    del storage
    assert ledger.peak() == Peak(512, (512, 0, 0, 0))
    assert ledger.peak() == Peak()


def test_what_went_in_repeated_work_is_not_repeated() -> None:
    """Only what is left of a block is there for every block."""
    ledger = Ledger()
    with ledger.standing_for(3):
        gone, left = Storage(ledger, 1024), Storage(ledger, 512)
        del gone
    assert (ledger.total, left.bytes) == (1536, 512)
