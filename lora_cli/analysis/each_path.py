"""The same work for each of several paths: what is wrong with one stops no other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeVar

from lora_cli.errors import InvalidInput, quote_long
from lora_cli.time_limit import TookTooLong

T = TypeVar("T")


class Unread(NamedTuple):
    """A path that the work could not be done for, and why."""

    path: str
    error: InvalidInput

    def sentence(self) -> str:
        """Return why, with the path, which a message about an option lacks.

        >>> Unread("c", InvalidInput("'c/config.json' is not JSON")).sentence()
        "'c/config.json' is not JSON"
        >>> Unread("c", InvalidInput("no module is targeted by 'c_attm'")).sentence()
        "c: no module is targeted by 'c_attm'"
        """
        message = str(self.error)
        # The path itself, or that of a file in it.
        start, mark = quote_long(self.path)[:-1].rstrip("/\\"), quote_long(self.path)[-1]
        is_named = any(f"{start}{end}" in message for end in (mark, "/", "\\"))
        return message if is_named else f"{self.path}: {message}"


def for_each(paths: Iterable[str], work: Callable[[str], T]) -> Iterator[T | Unread]:
    """Yield what the work returns for each path, or why there is nothing; a time limit that is reached ends all."""
    for path in paths:
        try:
            done: T | Unread = work(path)
        except TookTooLong:
            raise
        except InvalidInput as error:
            done = Unread(path, error)
        yield done
