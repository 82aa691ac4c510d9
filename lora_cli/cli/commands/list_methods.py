"""`lora-cli methods`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Annotated

import typer

from lora_cli.cli.answer import Answer
from lora_cli.cli.candidates import method_names, one_of
from lora_cli.cli.help_text import SUBJECT
from lora_cli.cli.presentation import Presentation
from lora_cli.output import Report
from lora_cli.quantities import Value


def field_names() -> Iterable[str]:
    """Return the fields that its records can have."""
    from lora_cli.analysis.listings.known_methods import FIELDS

    return FIELDS


def methods(
    presentation: Presentation,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="Show only this method, with what each field of its config does, or the methods of this family, or those whose "
            "names it matches with * and ?.",
            autocompletion=one_of(method_names),
            rich_help_panel=SUBJECT,
        ),
    ] = None,
) -> Answer:
    """List the methods.

    \b
    Examples:
      lora-cli methods
      lora-cli methods vera
      lora-cli methods prompts
      lora-cli methods --format csv

    For each method: what it trains on a Linear with d inputs and h outputs,
    the field that sets its size, the modules that it adapts, and its paper.
    """
    from lora_cli.analysis.listings.known_methods import FIELDS, family, known, one
    from lora_cli.analysis.listings.patterns import is_wild

    pattern = "*" if name is None else name
    listed = known(pattern) if is_wild(pattern) or family(pattern) else []
    if listed:
        records = [tuple(record.values()) for record in listed]
        report = Report("methods", FIELDS, [records], len(records), listing=True, design="method_families")
        return Answer(report, presentation)
    record, fields = one(pattern)
    shown = [{name: _as_set(value) for name, value in row.items()} for row in fields]
    return Answer(
        Report(
            "methods",
            FIELDS,
            [[tuple(record.values())]],
            parts={"fields": fields},
            details=shown,
            design="method_fields",
        ),
        presentation,
    )


def _as_set(value: Value) -> Value:
    """Return a default as `--set` and adapter_config.json have it, where people else see another word.

    >>> _as_set(True), _as_set(None), _as_set("none"), _as_set(8)
    ('true', 'null', 'none', 8)
    """
    return json.dumps(value) if value is None or isinstance(value, bool) else value
