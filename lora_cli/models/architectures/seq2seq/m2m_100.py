"""M2M-100 and NLLB-200: `transformers.models.m2m_100`."""

from __future__ import annotations

from lora_cli.models.architectures.seq2seq.bart import FAMILY as BART
from lora_cli.models.architectures.seq2seq.bart import Stack, classes
from lora_cli.models.config import Config, size
from lora_cli.models.family import Family
from lora_cli.models.parts.layers import Nodes, hollow


def computed_positions(_config: Config, _d: int) -> Nodes:
    """Build positions that are not parameters."""
    return hollow("embed_positions")


vocabulary = size("vocab_size", 128112)
STACK = Stack(computed_positions, ("layer_norm",))
FAMILY = Family(
    "m2m_100", classes("M2M100", STACK, vocabulary, tasks=["ForConditionalGeneration", "Model"]), BART.sizes
)
