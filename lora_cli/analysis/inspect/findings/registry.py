"""All findings, by code. A function that `finding` declares in one of the files below is registered here automatically."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lora_cli.analysis.inspect.findings import (
    alphas,
    config_fields,
    embeddings,
    file_format,
    loaders,
    ranks,
    scalings,
    stored_values,
    tensor_names,
    tensor_shapes,
    unused_names,
    weights_file,
)
from lora_cli.analysis.inspect.findings.declaration import SEVERITIES, Finding, Kind

if TYPE_CHECKING:
    from lora_cli.analysis.inspect.inspected_adapter import InspectedAdapter

SUBJECTS = (
    weights_file,
    loaders,
    file_format,
    config_fields,
    tensor_names,
    tensor_shapes,
    ranks,
    stored_values,
    unused_names,
    embeddings,
    scalings,
    alphas,
)
FINDINGS = {kind.code: kind for subject in SUBJECTS for kind in vars(subject).values() if isinstance(kind, Kind)}


def findings_in(adapter: InspectedAdapter) -> tuple[Finding, ...]:
    """Return what is wrong with an adapter, the worst first."""
    found = [each for kind in FINDINGS.values() for each in kind.found_in(adapter)]
    return tuple(sorted(found, key=lambda each: SEVERITIES.index(each.severity)))
