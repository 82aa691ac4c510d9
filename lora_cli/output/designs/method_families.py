"""The design of the list of methods: a table for each family, so that a long name in one widens no other."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from lora_cli.output.blocks import Block, Grid
from lora_cli.output.columns import Column, column
from lora_cli.output.people import cell, heading
from lora_cli.output.report import Report

COLUMNS = ("formula", "knob", "arxiv", "title")


def design(report: Report) -> Iterator[Block]:
    """Yield the families; a narrow table leaves the titles to the methods' own pages."""
    rows = [dict(zip(report.fields, row, strict=True)) for row in report.rows()]
    for family, members in groupby(rows, key=lambda row: row["family"]):
        records = list(members)
        names = Column(heading(cell("family", family)), [str(row["method"]) for row in records], style="strong")
        others = [
            column(field, [row[field] for row in records])._replace(is_prose=field == "title") for field in COLUMNS
        ]
        yield Grid([names, *others], spare=("title",), has_more=records[-1] is rows[-1])
