"""Findings about the values of tensors, where they were read."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.analysis.inspect.findings.declaration import ERROR, WARNING, counted_with, finding
from lora_cli.analysis.inspect.inspected_adapter import InspectedAdapter


@finding("nan", ERROR, "go back to a checkpoint before training diverged")
def nan(adapter: InspectedAdapter) -> Iterator[str]:
    """Find tensors with NaN."""
    names = [key for key, values in (adapter.values or {}).items() if values.nan]
    if names:
        yield f"{counted_with(names, 'tensor', 'contains', 'contain')} NaN"


@finding("infinity", ERROR, "go back to a checkpoint before training diverged, or save in a wider type")
def infinity(adapter: InspectedAdapter) -> Iterator[str]:
    """Find tensors with infinite values."""
    names = [key for key, values in (adapter.values or {}).items() if values.infinite]
    if names:
        yield f"{counted_with(names, 'tensor', 'contains', 'contain')} infinite values"


@finding("zero-b", WARNING, "check that training changed B: where it is zero, an adapter changes nothing")
def zero_b(adapter: InspectedAdapter) -> Iterator[str]:
    """Find LoRA's B where it still is what training starts from."""
    names = [key for key, values in (adapter.values or {}).items() if values.zero and adapter.is_b(key)]
    if names:
        yield f"{counted_with(names, 'tensor', 'is', 'are')} all zero"
