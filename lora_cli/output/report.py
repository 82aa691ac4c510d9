"""What every format is given: the records of an answer, and what is known of the place they go to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar, cast

from lora_cli.quantities import Value

# A batch is rows of values in the order of the report's fields.
Batch = Iterable[Sequence[Value]]
T = TypeVar("T")


if TYPE_CHECKING:

    class WritesItself(Protocol):
        """A batch that holds arrays, and is quicker at writing them than row by row."""

        def text(self, pieces: Sequence[str], cell: Callable[[Value], str]) -> str:
            """Return the batch as `rows_text` would."""

    class SideBySide(Protocol):
        """Batches that can be worked on at the same time."""

        def map(self, function: Callable[[Batch], T]) -> Iterable[T]:
            """Yield `function` of each batch in order."""


# What every run makes is named tuples: a dataclass takes half a millisecond, and its module another.
class Report(NamedTuple):
    """An answer: `size` records in batches, which are read once and need not fit in memory.

    `parts` are what JSON has beside the records, by name: lists of objects, or one object. `listing`
    says that the records are a list, of whatever length; otherwise there is one, shown as a sheet.
    `picture` is the d, h and r of matrices to draw. `details` are records that people see below the
    one, and `closing` is a last line for them. Of records that are judged, `failures` has what each of
    them misses, as a sentence, or None.
    """

    command: str
    fields: Sequence[str]
    batches: Iterable[Batch]
    size: int = 1
    listing: bool = False
    parts: Mapping[str, Any] = MappingProxyType({})
    picture: tuple[int, int, int] | None = None
    details: Sequence[Mapping[str, Value]] = ()
    closing: str | None = None
    failures: Sequence[str | None] = ()

    def rows(self) -> Iterable[Sequence[Value]]:
        """Yield the records, one after the other."""
        for batch in self.batches:
            yield from batch

    def texts(self, pieces: Sequence[str], cell: Callable[[Value], str]) -> Iterable[str]:
        """Yield the batches as text: each value as `cell` writes it, between the `pieces`."""

        def text(batch: Batch) -> str:
            return rows_text(batch, pieces, cell)

        if hasattr(self.batches, "map"):
            return cast("SideBySide", self.batches).map(text)
        return map(text, self.batches)


class Screen(NamedTuple):
    """The place that text goes to. `width` is None where nothing limits it."""

    width: int | None = None
    color: bool = False
    unicode: bool = False


def rows_text(batch: Batch, pieces: Sequence[str], cell: Callable[[Value], str]) -> str:
    """Return a batch as text: each value as `cell` writes it, between the `pieces`.

    >>> rows_text([(1, 2), (3, 4)], ["<", ",", ">"], str)
    '<1,2><3,4>'
    """
    if hasattr(batch, "text"):
        return cast("WritesItself", batch).text(pieces, cell)
    first, *rest = pieces
    return "".join(
        first + "".join(cell(value) + piece for value, piece in zip(row, rest, strict=True)) for row in batch
    )


def safe_text(text: str) -> str:
    """Return `text` as ASCII without control characters: names from files are data.

    >>> safe_text("blocks[red]\\x1b[31m\\n")
    'blocks[red]\\\\x1b[31m\\\\n'
    """
    return text if text.isascii() and text.isprintable() else ascii(text)[1:-1]


def raw_text(value: Value) -> str:
    """Return a value unrounded: what is not known is empty."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return safe_text(value) if isinstance(value, str) else repr(value)
