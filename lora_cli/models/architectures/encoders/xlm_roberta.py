"""XLM-RoBERTa: `transformers.models.xlm_roberta`."""

from __future__ import annotations

from lora_cli.models.architectures.encoders.roberta import PASSES, classes, forward
from lora_cli.models.family import Family, PromptSizes

FAMILY = Family(
    "xlm-roberta",
    classes("XLMRoberta"),
    PromptSizes(hidden=768, layers=12, heads=12),
    forward=forward,
    heads=PASSES,
)
