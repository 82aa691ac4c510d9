"""Findings about embeddings, which can be most of a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lora_cli.analysis.count.remarks import untied
from lora_cli.analysis.inspect.findings.declaration import WARNING, counted_with, finding
from lora_cli.analysis.inspect.inspected_adapter import InspectedAdapter
from lora_cli.methods.targeting.weight_tying import EMBEDDING_LAYERS

# Embeddings are a finding from this percentage of the file.
MOST_PERCENT = 50


@finding(
    "full-embeddings", WARNING, "leave them out where no token was added; trainable_token_indices trains only rows"
)
def full_embeddings(adapter: InspectedAdapter) -> Iterator[tuple[str, str]]:
    """Find whole embeddings that are most of the file, and say what put them there."""
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
        message = (
            f"{counted_with(whole, 'full embedding', 'takes', 'take')} {percent:.1f} % of the file, "
            f"with a vocabulary of {adapter.tensors[whole[0]].shape[0]:,}"
        )
        yield message, _remedy(adapter, whole)


def _remedy(adapter: InspectedAdapter, whole: Sequence[str]) -> str:
    """Return how to do without embeddings in the file, by why PEFT put them there."""
    if any(map(adapter.is_full_copy, whole)):
        return "drop them from modules_to_save unless tokens were added; trainable_token_indices trains only the rows of those"
    if any(key.endswith(".base_layer.weight") for key in whole):
        return (
            "drop embed_tokens and lm_head from target_modules unless they are meant: "
            "such a target makes PEFT save the frozen weight too (save_embedding_layers=False leaves it out)"
        )
    return (
        "PEFT saves them where the vocabulary was resized, or with save_embedding_layers; "
        "where the base model has the same, save with save_embedding_layers=False"
    )


@finding("tied-apart", WARNING, "set ensure_weight_tying, or merge with the weights untied")
def tied_apart(adapter: InspectedAdapter) -> Iterator[str]:
    """Find tied weights that the adapter unties."""
    if adapter.cost is not None:
        yield from untied(adapter.cost)
