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

        >>> Unread("a", InvalidInput("r is 0")).sentence(), Unread("a", InvalidInput("'a/b' is empty")).sentence()
        ('a: r is 0', "'a/b' is empty")
        """
        message = str(self.error)
        # The path, or that of a file in it.
        return message if quote_long(self.path)[:-1] in message else f"{self.path}: {message}"


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
