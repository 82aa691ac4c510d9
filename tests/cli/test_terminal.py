"""Progress on a terminal: shown after a while, whether the work comes in small parts, in large ones, or fails."""

from __future__ import annotations

import io
import re
import sys
import time
from collections.abc import Iterator

import pytest
from program import run

from lora_cli.cli import terminal
from lora_cli.cli.terminal import NEVER, Terminal
from lora_cli.models.sources.preset import names


class Tty(io.StringIO):
    """A terminal that keeps what is written."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        """Say yes."""
        return True


def make_terminal(monkeypatch: pytest.MonkeyPatch, seconds: float) -> Tty:
    """Make stderr a terminal, on which progress shows after some seconds."""
    stream = Tty()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(terminal, "SECONDS_BEFORE_PROGRESS", seconds)
    monkeypatch.setenv("TERM", "xterm")
    return stream


def test_progress_shows_before_the_first_part_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first part waits for the bar, so it would wait for ever if the bar waited for it."""
    tty = make_terminal(monkeypatch, 0.01)

    def parts() -> Iterator[str]:
        end = time.monotonic() + 20
        while "0/2" not in tty.getvalue() and time.monotonic() < end:
            time.sleep(0.01)
        yield "a"
        yield "b"

    assert list(Terminal(NEVER).tracked("Multiplying", parts(), 2)) == ["a", "b"]
    assert re.search(r"Multiplying .*0/2", tty.getvalue())
    assert tty.getvalue().endswith("\x1b[2K")


def test_work_of_unknown_length_says_how_much_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """So a search is seen to go on."""
    tty = make_terminal(monkeypatch, 0.01)
    with Terminal(NEVER).counted("Trying sizes") as advance:
        advance()
        advance()
        end = time.monotonic() + 20
        while not re.search(r"Trying sizes .* 2 ", tty.getvalue()) and time.monotonic() < end:
            time.sleep(0.01)
    assert re.search(r"Trying sizes .* 2 ", tty.getvalue())
    assert tty.getvalue().endswith("\x1b[2K")


def test_short_work_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does work that fails before the bar is due."""
    tty = make_terminal(monkeypatch, 60)
    assert list(Terminal(NEVER).tracked("Multiplying", iter("ab"), 2)) == ["a", "b"]
    with pytest.raises(ZeroDivisionError):
        list(Terminal(NEVER).tracked("Multiplying", (1 // n for n in (1, 0)), 2))
    assert not tty.getvalue()


@pytest.mark.parametrize("columns", ["", "0", "-8", "x", "9999999"])
def test_a_table_in_a_pipe_is_as_wide_as_columns_says(columns: str) -> None:
    """Without it, or with what is not a width, as wide as it needs to be."""

    def widest(columns: str) -> int:
        shown = run("methods", "--format", "table", env={"COLUMNS": columns, "LINES": columns}).stdout
        return max(map(len, shown.splitlines()))

    assert widest("70") <= 70 < widest(columns)


def test_a_narrow_table_breaks_no_name_of_a_model() -> None:
    """What a row is of can be copied; the other columns give room first."""
    shown = run("models", "--format", "table", env={"COLUMNS": "80"}).stdout
    firsts = {line.split(" ")[0] for line in shown.splitlines()}
    assert set(names()) - firsts == set()
