"""The text decoder of Qwen3-VL, which is Qwen3's: `transformers.models.qwen3_vl`."""

from __future__ import annotations

from lora_cli.models.architectures.decoders import qwen3
from lora_cli.models.family import Family
from lora_cli.models.parts.decoder import classes

FAMILY = Family(
    "qwen3_vl_text",
    classes("Qwen3VLText", qwen3.body, hidden=qwen3.hidden, vocabulary=qwen3.vocabulary, tasks=["Model"]),
    qwen3.FAMILY.sizes,
)
