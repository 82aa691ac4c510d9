"""`lora-cli models`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated

import typer

from lora_cli.analysis.result import Record
from lora_cli.cli.answer import Answer
from lora_cli.cli.candidates import one_of, preset_names
from lora_cli.cli.help_text import SUBJECT
from lora_cli.cli.presentation import Presentation
from lora_cli.errors import first_few
from lora_cli.output import Report


def field_names() -> Iterable[str]:
    """Return the fields that its records can have."""
    from lora_cli.analysis.listings.bundled_models import FIELDS

    return FIELDS


def models(
    presentation: Presentation,
    patterns: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATTERN...",
            help="Show only the models whose name, here or on the Hub, or family contains this, or matches it "
            "with * and ?; several must all match. A whole name shows that model, with its modules by shape.",
            autocompletion=one_of(preset_names),
            rich_help_panel=SUBJECT,
        ),
    ] = None,
) -> Answer:
    """List the bundled models.

    \b
    Examples:
      lora-cli models qwen3
      lora-cli models qwen 7b
      lora-cli models llama-3.1-8b
      lora-cli models --format csv

    For each model: the name that --model takes, its parameters, the
    modules that PEFT adapts if no target is given, and whether
    `lora-cli memory` can replay its training. A size in PATTERN is a whole
    one: 7b does not find 27b.
    """
    from lora_cli.analysis.listings.bundled_models import (
        FIELDS,
        bundled,
        hub_name_meant,
        modules_by_shape,
        record,
        row_names,
        towers,
    )
    from lora_cli.models.sources.preset import hub_names_of, preset_named, read_preset

    name = preset_named(patterns[0]) if patterns and len(patterns) == 1 else None
    if name is not None:
        model, on_hub = read_preset(name), hub_names_of(name)
        rows, modules, beside = [tuple(record(model).values())], modules_by_shape(model), towers(model)
        shown = [
            {name: "" if value is None else value for name, value in row.items()} | {"module": module}
            for row, module in zip(modules, row_names(model), strict=True)
        ]
        return Answer(
            Report(
                "models",
                FIELDS,
                [rows],
                parts={"modules": modules, "towers": beside, "hub_names": on_hub},
                details=shown,
                design="known_model",
            ),
            presentation,
            notes=[
                *([f"on the Hub, {name} is {first_few(on_hub, str)}"] if on_hub else []),
                *([_beside_language_model(beside)] if beside else []),
            ],
        )
    records = bundled(*patterns or ())
    found = ((each["model"], hub_name_meant(str(each["model"]), *patterns or ())) for each in records)
    by_hub = [f"{preset} as {hub_name}" for preset, hub_name in found if hub_name is not None]
    report = Report(
        "models",
        FIELDS,
        [[tuple(each.values()) for each in records]],
        len(records),
        listing=True,
        expendable=("family",),
        caption=lambda: [f"{len(records)} {'model' if len(records) == 1 else 'models'}"],
    )
    notes = [f"found by a name on the Hub: {first_few(by_hub, str)}"] if by_hub else []
    return Answer(report, presentation, notes=notes)


def _beside_language_model(towers: Sequence[Record]) -> str:
    """Return what a model of several parts has beside its language model, and the names of these modules."""
    return "beside its language model it has " + ", ".join(f"{part['module']} ({part['kind']})" for part in towers)
