"""`lora-cli methods`."""

from __future__ import annotations

from typing import Annotated

import typer

from lora_cli.cli.application import Answer
from lora_cli.cli.options import shared as options
from lora_cli.output import Report


def methods(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="One method, with the fields of its config.")
    ] = None,
    format: options.Format = "auto",
    field: options.Field = None,
    output: options.Output = None,
    color: options.Color = "auto",
) -> Answer:
    """List the methods.

    \b
    Each with what it trains on one Linear of d inputs and h outputs, the
    field that sets its size, the modules that it adapts, and its paper.

    \b
    Examples:
      lora-cli methods
      lora-cli methods vera
      lora-cli methods --format csv
    """
    from lora_cli.analysis.listings.known_methods import FIELDS, known, one

    show = options.Show(format, field, output, color)
    if name is None:
        records = [tuple(record.values()) for record in known()]
        return Answer(Report("methods", FIELDS, [records], len(records), listing=True), show)
    record, fields = one(name)
    shown = [{name: "none" if value is None else value for name, value in row.items()} for row in fields]
    return Answer(Report("methods", FIELDS, [[tuple(record.values())]], parts={"fields": fields}, details=shown), show)
