"""The design of one bundled model: what is known of it, and its modules by shape with their shares."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.output.blocks import Block, Grid, Title, facts
from lora_cli.output.columns import Column, column
from lora_cli.output.report import Report


def design(report: Report) -> Iterator[Block]:
    """Yield the title, the modules with bars of share, and the facts."""
    record = report.record()
    yield Title([str(record["model"]), str(record["family"])])
    module, *others = [column(field, [row[field] for row in report.details]) for field in report.details[0]]
    yield Grid(
        [
            module._replace(is_copied=True),
            *others,
            Column("", [repr(row["share"]) for row in report.details], is_bar=True),
        ],
        expendable=("kind", "d", "h", "count"),
    )
    yield facts(record, ("full_params", "default_targets", "memory_known"))
