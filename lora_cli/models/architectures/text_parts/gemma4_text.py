"""The text decoder of Gemma 4: `transformers.models.gemma4`."""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.decoder import classes
from lora_cli.models.parts.kin.gemma4 import decoder, hidden, vocabulary, widest
from lora_cli.models.parts.layers import Nodes

SIZES = PromptSizes(hidden=2304, layers=30, heads=8, groups=4, head_width=256, widest=widest)


def body(config: Config) -> Nodes:
    """Build `Gemma4TextModel`."""
    return decoder(config, narrow=config.number("hidden_size_per_layer_input", default=256))


FAMILY = Family(
    "gemma4_text",
    {
        **classes("Gemma4", body, hidden=hidden, vocabulary=vocabulary, tied_by_default=True, tasks=["ForCausalLM"]),
        **classes("Gemma4Text", body, hidden=hidden, vocabulary=vocabulary, tasks=["Model"]),
    },
    SIZES,
)
