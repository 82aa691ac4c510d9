"""A few fields of the records: their raw values for shell scripts, or a report that has only them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TextIO

from lora_cli.output.format import Writer
from lora_cli.output.report import Batch, Report, Screen, raw_text
from lora_cli.quantities import Value


def field_values(names: Sequence[str]) -> Writer:
    """Return what writes the values of these fields, one record per line and a tab between two values."""

    def write(report: Report, stream: TextIO, screen: Screen) -> None:
        rows = only(report, names).rows()
        stream.writelines("\t".join(map(raw_text, row)) + "\n" for row in rows)

    return write


def only(report: Report, names: Sequence[str]) -> Report:
    """Return a report of the same records that has only these fields, in this order, and nothing beside them."""
    columns = [list(report.fields).index(name) for name in names]

    def chosen(batch: Batch) -> Iterator[Sequence[Value]]:
        return ([row[column] for column in columns] for row in batch)

    return Report(report.command, names, map(chosen, report.batches), report.size, report.listing)
