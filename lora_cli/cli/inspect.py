"""`lora-cli inspect`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from lora_cli.analysis.finding import NOTE, Finding
from lora_cli.analysis.findings import findings
from lora_cli.analysis.inspect import FIELDS, MODULE_FIELDS
from lora_cli.analysis.inspect import inspect as inspect_adapter
from lora_cli.cli import options, subject
from lora_cli.cli.app import Answer
from lora_cli.output import Report

if TYPE_CHECKING:
    from lora_cli.analysis.inspect import Inspection


def inspect(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH...", help="Folders with adapter_config.json and its safetensors file.")
    ],
    model: subject.ModelSource = None,
    per_module: Annotated[bool, typer.Option("--per-module", help="List the modules that adapters are for.")] = False,
    format: options.Format = "auto",
    field: options.Field = None,
    output: options.Output = None,
    color: options.Color = "auto",
) -> Answer:
    """Say what trained adapters hold, and what is wrong with them.

    \b
    Reads the config and the header of the file; values are looked at (NaN,
    infinity, an all-zero B) in files up to 64 MiB. With --model, names and
    shapes are held against those that PEFT would save on it. Findings go to
    stderr, and into JSON; `check` fails on them.

    \b
    Examples:
      lora-cli inspect out/checkpoint-1000
      lora-cli inspect out/adapter --model llama-3.2-1b --format json
    """
    show = options.Show(format, field, output, color)
    base = None
    if model is not None:
        from lora_cli.models.source import read_model

        base = read_model(model)
    inspected = [inspect_adapter(path, base) for path in paths]
    made = [finding for found in inspected for finding in findings(found)]
    report = _modules(inspected) if per_module and format != "json" else _adapters(inspected, made)
    notes = [said(finding) for finding in made if finding.severity == NOTE]
    notes += [
        f"{found.adapter}: the file is large, so its values were not looked at; `check` does"
        for found in inspected
        if found.seen is None and not found.broken
    ]
    return Answer(
        report,
        show,
        [said(finding) for finding in made if finding.severity != NOTE],
        notes,
        troubles=[found.broken for found in inspected if found.broken],
    )


def said(finding: Finding) -> str:
    """Return a finding as a line."""
    return f"{finding.adapter}: {finding.message}; {finding.remedy} [{finding.code}]"


def _adapters(inspected: Sequence[Inspection], made: Sequence[Finding]) -> Report:
    return Report(
        "inspect",
        FIELDS,
        [[tuple(found.record().values()) for found in inspected]],
        len(inspected),
        listing=len(inspected) > 1,
        parts={
            "modules": [record for found in inspected for record in found.modules()],
            "findings": [finding._asdict() for finding in made],
        },
        details=inspected[0].groups() if len(inspected) == 1 else (),
    )


def _modules(inspected: Sequence[Inspection]) -> Report:
    rows = [tuple(record.values()) for found in inspected for record in found.modules()]
    return Report("inspect", MODULE_FIELDS, [rows], len(rows), listing=True)
