"""The design of an explanation: each cause, and below it the configuration that prints the count."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lora_cli.output.blocks import Block, Facts, Line, Title
from lora_cli.output.people import cell
from lora_cli.output.report import Report
from lora_cli.quantities import Value


def design(report: Report) -> Iterator[Block]:
    """Yield the count, and each match: its cause, how PEFT counts it, and the command that counts it."""
    rows = [dict(zip(report.fields, row, strict=True)) for row in report.rows()]
    yield Title(report.title())
    for row, detail in zip(rows, report.details, strict=True):
        yield Line(cell("cause", row["cause"]), "strong")
        yield Facts(list(_facts(row)))
        yield from (Line(cell(field, value), "dim") for field, value in detail.items())


def _facts(row: Mapping[str, Value]) -> Iterator[tuple[str, str]]:
    # Of what is as configured, or of which nothing was believed, there is nothing to say.
    if row["changes"]:
        yield "changes", cell("changes", row["changes"])
    figures = [cell(field, row[field]) for field in ("trainable_params", "all_params")]
    yield "PEFT counts", " of ".join(figures)
    if more := row["alternative_count"]:
        makes = "makes" if more == 1 else "make"
        yield (
            "alternatives",
            f"{cell('alternative_count', more)} more of this kind {makes} the same count; --json lists them",
        )
