"""Qwen3.5: `transformers.models.qwen3_5`."""

from __future__ import annotations

from lora_cli.models.composite import Composite, Section, Tower, untied

PARTS = Composite(
    text=Section(name="text_config", model_type="qwen3_5_text", fixed=True),
    towers=[Tower("visual", Section(name="vision_config", model_type="qwen3_5_vision", fixed=True))],
)
HEADS = {f"Qwen3_5For{task}Classification": PARTS.classified(task) for task in ("Sequence", "Token")}
FAMILY = PARTS.family("qwen3_5", "Qwen3_5", tied=untied, more=HEADS)
