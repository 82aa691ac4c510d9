"""Qwen3.5 with experts: `transformers.models.qwen3_5_moe`."""

from __future__ import annotations

from lora_cli.models.composite import Composite, Section, Tower, untied

FAMILY = Composite(
    text=Section(name="text_config", model_type="qwen3_5_moe_text", fixed=True),
    towers=[Tower("visual", Section(name="vision_config", model_type="qwen3_5_moe_vision", fixed=True))],
).family("qwen3_5_moe", "Qwen3_5Moe", tied=untied)
