"""Findings about adapter_config.json by itself."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.analysis.inspect.findings.declaration import ERROR, NOTE, counted_with, finding
from lora_cli.analysis.inspect.inspected_adapter import InspectedAdapter


@finding("unknown-field", NOTE, "check its spelling, and the version of PEFT that wrote it")
def unknown_field(adapter: InspectedAdapter) -> Iterator[str]:
    """Find fields that the method's config does not have."""
    if adapter.trained.unknown:
        yield f"{counted_with(adapter.trained.unknown, 'field', 'is', 'are')} unknown in adapter_config.json"


@finding("refused-config", ERROR, "give the base model that it was trained with, or correct the config")
def refused_config(adapter: InspectedAdapter) -> Iterator[str]:
    """Find a config that PEFT does not put on the model."""
    if adapter.refusal is not None:
        yield f"PEFT refuses the config on this model: {adapter.refusal}"
