"""The terminal that a run may write to: whether there is one, its width, its colours and its progress bar."""

from __future__ import annotations

import os
import re
import shutil
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Lock, Timer
from typing import TYPE_CHECKING, NamedTuple, TextIO, TypeVar

from lora_cli.output import Screen

if TYPE_CHECKING:
    from lora_cli.output.rich_console import ProgressBar

T = TypeVar("T")

# When to write colours.
AUTO, ALWAYS, NEVER = "auto", "always", "never"
COLORS = (AUTO, ALWAYS, NEVER)
SECONDS_BEFORE_PROGRESS = 1.0
# Values of LC_ALL that ask for ASCII.
ASCII_LOCALES = ("C", "POSIX")
# What a width looks like.
COLUMNS = r"[1-9][0-9]{0,4}"


class Terminal(NamedTuple):
    """The terminal of a run; `color` is one of COLORS."""

    color: str

    def screen(self, stream: TextIO, *, is_terminal: bool) -> Screen:
        """Return the screen that `stream` leads to. Elsewhere than on a terminal only COLUMNS can limit its width."""
        width, height = shutil.get_terminal_size() if is_terminal else (_columns_asked_for(), None)
        encoding = (stream.encoding or "").lower().replace("-", "")
        # Python writes UTF-8 in this locale, too, where other programs keep to ASCII.
        unicode = encoding.startswith("utf") and os.environ.get("LC_ALL") not in ASCII_LOCALES
        return Screen(width, self._has_color(is_terminal), unicode=unicode, height=height)

    def tracked(self, work: str, parts: Iterable[T], total: int) -> Iterator[T]:
        """Yield `parts`; once they have taken a second, show a progress bar that says what `work` it is on a terminal."""
        with self.counted(work, total) as advance:
            for part in parts:
                yield part
                advance()

    @contextmanager
    def counted(self, work: str, total: int | None = None) -> Iterator[Callable[[], None]]:
        """Let the caller count the parts of some `work` for a progress bar like that of `tracked`; `total` may be unknown."""
        if not is_terminal(sys.stderr):
            yield lambda: None
            return
        bar = _LateBar(work, total, sys.stderr, self.screen(sys.stderr, is_terminal=True))
        try:
            yield bar.advance
        finally:
            bar.stop()

    def _has_color(self, is_terminal: bool) -> bool:
        """Decide on colour: the option wins, then a non-empty NO_COLOR, then whether it is a terminal."""
        if self.color != AUTO:
            return self.color == ALWAYS
        return is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _columns_asked_for() -> int | None:
    columns = os.environ.get("COLUMNS", "")
    return int(columns) if re.fullmatch(COLUMNS, columns) else None


class _LateBar:
    """A progress bar that shows once the work has taken a second, whether a part of it is done by then or not."""

    def __init__(self, work: str, total: int | None, stream: TextIO, screen: Screen) -> None:
        self._begin = work, total, stream, screen
        self._done = 0
        self._bar: ProgressBar | None = None
        self._lock = Lock()
        self._timer = Timer(SECONDS_BEFORE_PROGRESS, self._show)
        self._timer.daemon = True
        self._timer.start()

    def _show(self) -> None:
        from lora_cli.output.rich_console import ProgressBar

        work, total, stream, screen = self._begin
        with self._lock:
            self._bar = ProgressBar(work, self._done, total, stream, screen)

    def advance(self) -> None:
        """Say that one more part is done."""
        with self._lock:
            self._done += 1
            if self._bar is not None:
                self._bar.advance()

    def stop(self) -> None:
        """Remove the bar, or see to it that it never shows."""
        self._timer.cancel()
        self._timer.join()
        if self._bar is not None:
            self._bar.stop()


def message_width(stream: TextIO) -> int | None:
    """Return the columns that a message on a stream has, or None where it is a line: elsewhere than on a terminal.

    Standard output may be a pipe that has no width, so it is the stream's own terminal that is asked.
    """
    if not is_terminal(stream):
        return None
    try:
        return _columns_asked_for() or os.get_terminal_size(stream.fileno()).columns or None
    except OSError:
        return None


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether a stream of the process is a terminal; None is one that is closed."""
    return stream is not None and stream.isatty()


def is_pipe(stream: TextIO | None) -> bool:
    """Return whether a stream of the process leads to another process; None is one that is closed."""
    try:
        return stream is not None and stat.S_ISFIFO(os.fstat(stream.fileno()).st_mode)
    except OSError:
        return False
