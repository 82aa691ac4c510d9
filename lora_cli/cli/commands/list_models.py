"""`lora-cli models`."""

from __future__ import annotations

from lora_cli.cli.application import Answer
from lora_cli.cli.options import shared as options
from lora_cli.output import Report


def models(
    format: options.Format = "auto",
    field: options.Field = None,
    output: options.Output = None,
    color: options.Color = "auto",
) -> Answer:
    """List the bundled models.

    \b
    Each can be given as --model, with its parameters and the modules that
    PEFT adapts when no target is named.

    \b
    Examples:
      lora-cli models --format csv
      lora-cli models --field model
    """
    from lora_cli.analysis.listings.bundled_models import FIELDS, bundled

    records = list(bundled())
    report = Report("models", FIELDS, [[tuple(record.values()) for record in records]], len(records), listing=True)
    return Answer(report, options.Show(format, field, output, color))
