"""XLM-RoBERTa: `transformers.models.xlm_roberta`."""

from __future__ import annotations

from lora_cli.models.architectures.encoders.roberta import classes

CLASSES = {"xlm-roberta": classes("XLMRoberta", 30522)}
