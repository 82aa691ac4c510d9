"""The text decoder of Qwen2.5-VL, which is Qwen2-VL's: `transformers.models.qwen2_5_vl`."""

from __future__ import annotations

from lora_cli.models.architectures.text_parts.qwen2_vl_text import SIZES, body, forward, hidden, vocabulary
from lora_cli.models.family import Family
from lora_cli.models.parts.decoder import classes

FAMILY = Family(
    "qwen2_5_vl_text",
    classes("Qwen2_5_VLText", body, hidden=hidden, vocabulary=vocabulary, tasks=["Model"]),
    SIZES,
    forward=forward,
)
