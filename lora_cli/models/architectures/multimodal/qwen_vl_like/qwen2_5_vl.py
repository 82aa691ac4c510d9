"""Qwen2.5-VL: `transformers.models.qwen2_5_vl`."""

from __future__ import annotations

from lora_cli.models.composite import Composite, Section, Tower, either_ties

FAMILY = Composite(
    text=Section(name="text_config", model_type="qwen2_5_vl_text", fixed=True, flat=True),
    towers=[Tower("visual", Section(name="vision_config", model_type="qwen2_5_vl_vision", fixed=True))],
).family("qwen2_5_vl", "Qwen2_5_VL", tied=either_ties)
