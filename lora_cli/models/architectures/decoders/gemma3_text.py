"""The text models of Gemma 3: `transformers.models.gemma3`."""

from __future__ import annotations

from lora_cli.models.architectures.decoders.gemma2 import SIZES, four_norms, hidden
from lora_cli.models.config import Config, size
from lora_cli.models.family import Family
from lora_cli.models.parts.decoder import classes
from lora_cli.models.parts.layers import Nodes

vocabulary = size("vocab_size", 262208)


def body(config: Config) -> Nodes:
    """Build `Gemma3TextModel`."""
    return four_norms(config, vocabulary(config), head_norms=True)


FAMILY = Family(
    "gemma3_text",
    {
        **classes("Gemma3", body, hidden=hidden, vocabulary=vocabulary, tied_by_default=True, tasks=["ForCausalLM"]),
        **classes(
            "Gemma3Text", body, hidden=hidden, vocabulary=vocabulary, tasks=["Model", "ForSequenceClassification"]
        ),
    },
    SIZES,
)
