"""Qwen3-VL: `transformers.models.qwen3_vl`."""

from __future__ import annotations

from lora_cli.models.composite import Composite, Section, Tower, untied

FAMILY = Composite(
    text=Section(name="text_config", model_type="qwen3_vl_text", fixed=True),
    towers=[Tower("visual", Section(name="vision_config", model_type="qwen3_vl_vision", fixed=True))],
).family("qwen3_vl", "Qwen3VL", tied=untied)
