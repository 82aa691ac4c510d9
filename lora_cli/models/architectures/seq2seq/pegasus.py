"""Pegasus: `transformers.models.pegasus`."""

from __future__ import annotations

from lora_cli.models.architectures.seq2seq.bart import FAMILY as BART
from lora_cli.models.architectures.seq2seq.bart import Stack, classes, vocabulary
from lora_cli.models.family import Family
from lora_cli.models.parts.kin.bart import positions

STACK = Stack(positions, ("layer_norm",))
FAMILY = Family(
    "pegasus",
    classes("Pegasus", STACK, vocabulary, tasks=["ForConditionalGeneration", "Model", "ForCausalLM"]),
    BART.sizes,
)
