"""The design of the list of cards: a table for each generation, with the memory as it is sold beside its bytes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from lora_cli.output.blocks import Block, Grid
from lora_cli.output.columns import Column, column
from lora_cli.output.people import cell
from lora_cli.output.report import Report
from lora_cli.quantities import memory_text

COLUMNS = ("teraflops", "aliases")


def design(report: Report) -> Iterator[Block]:
    """Yield the generations. A peak that is not known is left empty, so that those that are can be seen."""
    rows = [dict(zip(report.fields, row, strict=True)) for row in report.rows()]
    for generation, members in groupby(rows, key=lambda row: row["generation"]):
        cards = list(members)
        sizes = [card["gpu_bytes"] for card in cards]
        names = Column(cell("generation", generation), [str(card["gpu"]) for card in cards], style="strong")
        memory = Column("memory", [memory_text(size) for size in sizes if isinstance(size, int)], is_number=True)
        others = [column(field, ["" if card[field] is None else card[field] for card in cards]) for field in COLUMNS]
        yield Grid([names, memory, column("gpu_bytes", sizes, "bytes"), *others], has_more=cards[-1] is rows[-1])
