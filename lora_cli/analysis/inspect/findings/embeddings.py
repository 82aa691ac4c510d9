"""Findings about embeddings, which can be most of a file."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.analysis.count.remarks import untied
from lora_cli.analysis.inspect.findings.declaration import WARNING, counted_with, finding
from lora_cli.analysis.inspect.inspected_adapter import InspectedAdapter
from lora_cli.methods.targeting.weight_tying import EMBEDDING_LAYERS

# Embeddings are a finding from this percentage of the file.
MOST_PERCENT = 50


@finding(
    "full-embeddings",
    WARNING,
    "drop them from modules_to_save and target_modules unless tokens were added; trainable_token_indices trains rows",
)
def full_embeddings(adapter: InspectedAdapter) -> Iterator[str]:
    """Find whole embeddings that are most of the file."""
    model = adapter.model
    named = {name for name in (model.embeddings, model.output) if name} if model else set()
    layers = {*EMBEDDING_LAYERS, *(name.rpartition(".")[2] for name in named)}
    whole = [
        key
        for key, stored in adapter.tensors.items()
        if not adapter.split(key) and len(stored.shape) == 2 and key.endswith(".weight")
        if not layers.isdisjoint(key.split("."))
    ]
    size = sum(adapter.tensors[key].end - adapter.tensors[key].start for key in whole)
    if 100 * size > MOST_PERCENT * adapter.adapter_bytes:
        percent = 100 * size / adapter.adapter_bytes
        yield f"{counted_with(whole, 'full embedding', 'takes', 'take')} {percent:.1f} % of the file"


@finding("tied-apart", WARNING, "set ensure_weight_tying, or merge with the weights untied")
def tied_apart(adapter: InspectedAdapter) -> Iterator[str]:
    """Find tied weights that the adapter unties."""
    if adapter.cost is not None:
        yield from untied(adapter.cost)
