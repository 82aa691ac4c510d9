"""What every format gets: the records of an answer, and the screen they go to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar, cast

from lora_cli.errors import printable
from lora_cli.quantities import Value

# A batch is rows of values in the order of the report's fields.
Batch = Iterable[Sequence[Value]]
T = TypeVar("T")

# Counts can do without these first: they follow from the fields that stay.
EXPENDABLE = (
    "all_params",
    "trainable_percent",
    "break_even_rank",
    "percent_of_full",
    "reduction_factor",
    "full_params",
    "method",
    "adapter_bytes",
)

if TYPE_CHECKING:

    class ArrayBatch(Protocol):
        """A batch that holds arrays, and writes them faster than row by row."""

        def text(self, pieces: Sequence[str], cell: Callable[[Value], str]) -> str:
            """Return the batch as `rows_text` would."""

    class ParallelBatches(Protocol):
        """Batches that can be processed in parallel."""

        def map(self, function: Callable[[Batch], T]) -> Iterable[T]:
            """Yield `function` of each batch in order."""


class Location(NamedTuple):
    """A file, and a line of it where one is known."""

    file: str
    line: int | None = None


class Trouble(NamedTuple):
    """A subject that has no record, because it could not be read: its name, why, and the file, where one is known."""

    subject: str
    message: str
    location: Location | None = None


# The part of a report that lists its troubles in JSON.
ERRORS = "errors"


def errors_part(troubles: Iterable[Trouble]) -> list[Mapping[str, str]]:
    """Return the troubles as JSON shows them."""
    return [{"subject": each.subject, "message": each.message} for each in troubles]


class Conditions(NamedTuple):
    """Which fields of a command depend on its options: `needs` has each that needs another option, with that option.

    `without` are fields that its records do not have with an `option` that is given. `unknown` are fields that are there,
    and have no value without another option, with that option. `settings` are what a training was set to, which no field is.
    """

    needs: Mapping[str, str] = MappingProxyType({})
    option: str | None = None
    without: Collection[str] = ()
    unknown: Mapping[str, str] = MappingProxyType({})
    settings: Collection[str] = ()


# A named tuple, because every run makes it: a dataclass takes half a millisecond, and its module another.
class Report(NamedTuple):
    """An answer: `size` records in batches, which are read once and need not fit in memory.

    `listing` says that the records are a list of any length; otherwise there is one record, shown as a sheet.
    `parts` are lists of objects, or objects, that JSON shows beside the records.
    `picture` is the d, h and r of matrices to draw.
    `details` are records that people see below a sheet, and `closing` is its last line.
    `findings` are texts by field, which people see below all that: what is wrong with the subject of a sheet.
    `design` names the file in `designs` that lays the report out on a terminal.
    `title` returns what the answer is about, in a few parts, for a table, and `caption` what is to know about it.
    `settings` are what people see of how a training was set up, beside the fields of the records.
    `asked` are fields that the question names, so that a design shows them.
    `missing` is what people read in the place of a value that is not there, by field, where a sheet has no better word.
    `conditions` are which fields it has only with other options, or only without those that are given.
    `failures` are given if the records are judged: for each record why it fails, as a sentence, or None.
    `troubles` are the subjects that have no record; formats that have errors show them.
    `locations` are the files that the records are about, by the records' paths; a record without a path has None.
    `expendable` are the fields that a narrow table leaves out, first to last.
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
    findings: Sequence[Mapping[str, str]] = ()
    failures: Sequence[str | None] | None = None
    troubles: Sequence[Trouble] = ()
    locations: Mapping[str | None, Location] = MappingProxyType({})
    expendable: Sequence[str] = EXPENDABLE
    design: str | None = None
    title: Callable[[], Sequence[str]] = tuple
    caption: Callable[[], Sequence[str]] = tuple
    settings: Mapping[str, Value] = MappingProxyType({})
    asked: Sequence[str] = ()
    missing: Mapping[str, str] = MappingProxyType({})
    conditions: Conditions = Conditions()

    def record(self) -> dict[str, Value]:
        """Return the record of a report of one."""
        (row,) = self.rows()
        return dict(zip(self.fields, row, strict=True))

    @property
    def judged(self) -> bool:
        """Whether the records are verdicts."""
        return self.failures is not None

    def judgements(self) -> Iterator[tuple[Mapping[str, Value], str | None]]:
        """Yield each record with why it fails, or None."""
        for row, failure in zip(self.rows(), self.failures or (), strict=True):
            yield dict(zip(self.fields, row, strict=True)), failure

    @staticmethod
    def is_open(record: Mapping[str, Value]) -> bool:
        """Whether a record is a verdict on something that was not checked.

        >>> Report.is_open({"rule": "max-params", "passed": True}), Report.is_open({"rule": "loads-in", "passed": None})
        (False, True)
        """
        return record.get("passed", True) is None

    def location(self, record: Mapping[str, Value]) -> Location | None:
        """Return the file that a record is about, if one is known."""
        path = record.get("path")
        return self.locations.get(path) if path is None or isinstance(path, str) else None

    def rows(self) -> Iterable[Sequence[Value]]:
        """Yield the records one by one."""
        for batch in self.batches:
            yield from batch

    def texts(self, pieces: Sequence[str], cell: Callable[[Value], str]) -> Iterable[str]:
        """Yield the batches as `rows_text` writes them."""

        def text(batch: Batch) -> str:
            return rows_text(batch, pieces, cell)

        if hasattr(self.batches, "map"):
            return cast("ParallelBatches", self.batches).map(text)
        return map(text, self.batches)


class Screen(NamedTuple):
    """The screen or file that text goes to; a `width` or `height` of None is unlimited."""

    width: int | None = None
    color: bool = False
    unicode: bool = False
    height: int | None = None


def rows_text(batch: Batch, pieces: Sequence[str], cell: Callable[[Value], str]) -> str:
    """Return a batch as text: `cell` writes each value, and the `pieces` stand around them.

    >>> rows_text([(1, 2), (3, 4)], ["<", ",", ">"], str)
    '<1,2><3,4>'
    """
    if hasattr(batch, "text"):
        return cast("ArrayBatch", batch).text(pieces, cell)
    first, *rest = pieces
    return "".join(
        first + "".join(cell(value) + piece for value, piece in zip(row, rest, strict=True)) for row in batch
    )


def raw_text(value: Value) -> str:
    """Return a value unrounded; an unknown value is empty."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return printable(value) if isinstance(value, str) else repr(value)
