"""The text decoder of Gemma 4 without towers: `transformers.models.gemma4_unified`."""

from __future__ import annotations

from lora_cli.models.architectures.text_parts.gemma4_text import SIZES
from lora_cli.models.config import Config
from lora_cli.models.family import Family
from lora_cli.models.parts.decoder import classes
from lora_cli.models.parts.kin.gemma4 import decoder, hidden, vocabulary
from lora_cli.models.parts.layers import Nodes


def body(config: Config) -> Nodes:
    """Build `Gemma4UnifiedTextModel`, whose layers take words only once, and have no experts."""
    return decoder(Config({**config.fields, "enable_moe_block": False}, config.source), narrow=0)


FAMILY = Family(
    "gemma4_unified_text",
    {
        **classes(
            "Gemma4Unified", body, hidden=hidden, vocabulary=vocabulary, tied_by_default=True, tasks=["ForCausalLM"]
        ),
        **classes("Gemma4UnifiedText", body, hidden=hidden, vocabulary=vocabulary, tasks=["Model"]),
    },
    SIZES,
)
