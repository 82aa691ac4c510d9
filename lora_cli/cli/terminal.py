"""The terminal that a run may write to: whether there is one, its width, its colours and its progress bar."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple, TextIO, TypeVar

from lora_cli.output import Screen

T = TypeVar("T")

# When to write colours.
AUTO, ALWAYS, NEVER = "auto", "always", "never"
COLORS = (AUTO, ALWAYS, NEVER)
SECONDS_BEFORE_PROGRESS = 1.0


class Terminal(NamedTuple):
    """The terminal of a run; `color` is one of COLORS."""

    color: str

    def screen(self, stream: TextIO, *, is_terminal: bool) -> Screen:
        """Return the screen that `stream` leads to."""
        width = shutil.get_terminal_size().columns if is_terminal else None
        encoding = (stream.encoding or "").lower().replace("-", "")
        return Screen(width, self._has_color(is_terminal), unicode=encoding.startswith("utf"))

    def tracked(self, work: str, parts: Iterable[T], total: int) -> Iterator[T]:
        """Yield `parts`; once they have taken a second, show a progress bar that says what `work` it is on a terminal."""
        parts = iter(parts)
        if sys.stderr is None or not sys.stderr.isatty():
            yield from parts
            return
        start = time.monotonic()
        for done, part in enumerate(parts, 1):
            yield part
            if time.monotonic() - start > SECONDS_BEFORE_PROGRESS:
                from lora_cli.output.rich_console import progress

                yield from progress(work, parts, done, total, sys.stderr, self.screen(sys.stderr, is_terminal=True))

    def _has_color(self, is_terminal: bool) -> bool:
        """Decide on colour: the option wins, then a non-empty NO_COLOR, then whether it is a terminal."""
        if self.color != AUTO:
            return self.color == ALWAYS
        return is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def is_terminal() -> bool:
    """Return whether standard output is a terminal."""
    return sys.stdout is not None and sys.stdout.isatty()
