"""The design of one method: what it is, and what each field of its config does."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.output.blocks import Block, Grid, Title, facts
from lora_cli.output.columns import column
from lora_cli.output.report import Report


def design(report: Report) -> Iterator[Block]:
    """Yield the title, the facts and the fields."""
    record = report.record()
    yield Title([str(record["title"]), str(record["method"])])
    yield facts(record, ("formula", "knob", "supports", "arxiv", "family"))
    columns = [
        column(field, [row[field] for row in report.details])._replace(is_prose=field == "meaning")
        for field in report.details[0]
    ]
    yield Grid(columns, spare=("type",))
