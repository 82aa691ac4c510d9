"""`lora-cli models`."""

from __future__ import annotations

from collections.abc import Iterable

from lora_cli.cli.answer import Answer
from lora_cli.cli.presentation import Presentation
from lora_cli.output import Report


def field_names() -> Iterable[str]:
    """Return the fields that its records can have."""
    from lora_cli.analysis.listings.bundled_models import FIELDS

    return FIELDS


def models(
    presentation: Presentation,
) -> Answer:
    """List the bundled models.

    \b
    Examples:
      lora-cli models --format csv
      lora-cli models --field model

    For each model: the name that --model takes, its parameters, and the
    modules that PEFT adapts if no target is given.
    """
    from lora_cli.analysis.listings.bundled_models import FIELDS, bundled

    records = list(bundled())
    report = Report("models", FIELDS, [[tuple(record.values()) for record in records]], len(records), listing=True)
    return Answer(report, presentation)
