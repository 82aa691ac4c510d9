"""Qwen2-VL: `transformers.models.qwen2_vl`."""

from __future__ import annotations

from lora_cli.models.composite import Composite, Section, Tower, either_ties
from lora_cli.models.parts.towers.qwen2_vl import tower

FAMILY = Composite(
    text=Section(name="text_config", model_type="qwen2_vl_text", fixed=True, flat=True),
    towers=[Tower("visual", Section(name="vision_config", build=tower))],
).family("qwen2_vl", "Qwen2VL", tied=either_ties)
