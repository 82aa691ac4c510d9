"""The part of Qwen2.5-Omni that sees, hears and writes: `transformers.models.qwen2_5_omni`."""

from __future__ import annotations

from lora_cli.models.composite import Composite, Section, Tower, untied
from lora_cli.models.parts.towers.qwen2_5_omni import audio, visual

PARTS = Composite(
    text=Section(name="text_config", model_type="qwen2_5_omni_text", fixed=True),
    towers=[
        Tower("audio_tower", Section(name="audio_config", build=audio)),
        Tower("visual", Section(name="vision_config", build=visual)),
    ],
)
FAMILY = PARTS.family("qwen2_5_omni_thinker", "Qwen2_5OmniThinker", tied=untied)
