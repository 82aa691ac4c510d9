"""The design of a server's memory: what each slot for an adapter takes, and what of it is unused."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.output.blocks import Block, Facts, Grid, Title
from lora_cli.output.columns import Column
from lora_cli.output.report import Report
from lora_cli.quantities import Value, memory_text

ROWS = {"slot_bytes": "one slot", "total_bytes": "all slots", "wasted_bytes": "of it unused by these adapters"}


def design(report: Report) -> Iterator[Block]:
    """Yield the title, the ranks, and the bytes on each card."""
    record = report.record()
    yield Title(report.title())
    rank, padded = record["max_rank"], record["padded_rank"]
    yield Facts([("highest rank", f"{rank}" if rank == padded else f"{rank}, padded to {padded}")])
    rows = [(name, _number(record[field])) for field, name in ROWS.items() if record[field] is not None]
    yield Grid(
        [
            Column("on each card", [name for name, _ in rows]),
            Column("bytes", [f"{size:,}" for _, size in rows], is_number=True),
            Column("", [memory_text(size) for _, size in rows], is_number=True),
            Column("share", [_share(size, _number(record["total_bytes"])) for _, size in rows], is_number=True),
        ]
    )


def _share(size: int, whole: int) -> str:
    return f"{100 * size / whole:.1f} %"


def _number(value: Value) -> int:
    return value if isinstance(value, int) else 0
