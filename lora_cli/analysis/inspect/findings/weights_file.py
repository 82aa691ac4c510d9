"""Findings about the file as a whole."""

from __future__ import annotations

import os
from collections.abc import Iterator

from lora_cli.analysis.inspect.findings.declaration import ERROR, NOTE, counted_with, finding
from lora_cli.analysis.inspect.inspected_adapter import InspectedAdapter
from lora_cli.models.peft_names import ADAPTER_WEIGHTS, PICKLED_WEIGHTS


@finding("broken-file", ERROR, "download or save it again")
def broken_file(adapter: InspectedAdapter) -> Iterator[str]:
    """Find a file that cannot be read."""
    if adapter.broken is not None:
        # The error ends with a remedy of its own.
        yield adapter.broken.rpartition(";")[0]


@finding(
    "empty-tensor",
    ERROR,
    "gather the parameters before saving, e.g. with ZeRO-3's stage3_gather_16bit_weights_on_model_save",
)
def empty_tensor(adapter: InspectedAdapter) -> Iterator[str]:
    """Find tensors without values, which ZeRO-3 writes for parameters that it has not gathered.

    Some methods have such tensors by right for some sizes.
    """
    expected = adapter.expected
    empty = [
        key
        for key, stored in adapter.tensors.items()
        if not stored.values
        and (adapter.has_known_tensors if expected is None else key in expected and expected[key].params)
    ]
    if empty:
        yield f"{counted_with(empty, 'tensor', 'has', 'have')} no values"
    elif (
        adapter.broken is None and not adapter.tensors and (adapter.has_known_tensors if expected is None else expected)
    ):
        yield "the file has no tensors"


@finding("pickled-beside", NOTE, "remove the pickled file if nothing else needs it")
def pickled_beside(adapter: InspectedAdapter) -> Iterator[str]:
    """Find pickled weights beside the safetensors file."""
    trained = adapter.trained
    if trained.file == ADAPTER_WEIGHTS and os.path.lexists(os.path.join(trained.folder, PICKLED_WEIGHTS)):
        yield f"PEFT loads the safetensors file and ignores {PICKLED_WEIGHTS} beside it"
