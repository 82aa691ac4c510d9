"""The part of Qwen3-Omni that sees, hears and writes: `transformers.models.qwen3_omni_moe`."""

from __future__ import annotations

from lora_cli.models.composite import Composite, Section, Tower, untied
from lora_cli.models.parts.towers.qwen3_omni import audio, visual

PARTS = Composite(
    text=Section(name="text_config", model_type="qwen3_omni_moe_text", fixed=True),
    towers=[
        Tower("audio_tower", Section(name="audio_config", build=audio)),
        Tower("visual", Section(name="vision_config", build=visual)),
    ],
)
FAMILY = PARTS.family("qwen3_omni_moe_thinker", "Qwen3OmniMoeThinker", tied=untied)
