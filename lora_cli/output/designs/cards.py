"""The design of the list of cards: a table for each generation, with the memory as it is sold beside its bytes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from lora_cli.output.blocks import Block, Grid
from lora_cli.output.columns import Column, column
from lora_cli.output.people import cell
from lora_cli.output.report import Report
from lora_cli.quantities import memory_text

# The fields beside a card's memory where any card of a generation has one, and those that a narrow table leaves out.
COLUMNS = ("teraflops", "measured", "capability", "aliases")
EXPENDABLE = ("aliases", "capability", "teraflops")


def design(report: Report) -> Iterator[Block]:
    """Yield the generations. A peak that is not known is left empty, so that those that are can be seen."""
    rows = [dict(zip(report.fields, row, strict=True)) for row in report.rows()]
    for generation, members in groupby(rows, key=lambda row: row["generation"]):
        cards = list(members)
        sizes = [card["gpu_bytes"] for card in cards]
        names = Column(cell("generation", generation), [str(card["gpu"]) for card in cards], style="strong")
        memory = Column("memory", [memory_text(size) for size in sizes if isinstance(size, int)], is_number=True)
        others = [
            column(field, ["" if card[field] is None else card[field] for card in cards])
            for field in COLUMNS
            if any(card[field] not in {None, ""} for card in cards)
        ]
        grid = [names, memory, column("gpu_bytes", sizes, "bytes"), *map(_in_tenths, others)]
        yield Grid(grid, expendable=EXPENDABLE, has_more=cards[-1] is rows[-1])


def _in_tenths(shown: Column) -> Column:
    """Return a column with a compute capability as NVIDIA writes it, e.g. 9.0, below a short heading."""
    if shown.field != "capability":
        return shown
    return shown._replace(heading="compute", cells=[f"{float(text):.1f}" for text in shown.cells])
