"""mBART: `transformers.models.mbart`."""

from __future__ import annotations

from lora_cli.models.architectures.seq2seq.bart import FAMILY as BART
from lora_cli.models.architectures.seq2seq.bart import Stack, classes, vocabulary
from lora_cli.models.family import Family
from lora_cli.models.parts.kin.bart import offset_positions

STACK = Stack(offset_positions, ("layernorm_embedding", "layer_norm"))
FAMILY = Family("mbart", classes("MBart", STACK, vocabulary), BART.sizes)
