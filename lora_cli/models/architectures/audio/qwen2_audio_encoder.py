"""The audio tower of Qwen2-Audio: `transformers.models.qwen2_audio`."""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.layers import Skeleton
from lora_cli.models.parts.towers.whisper_like import renamed, tower


def bare(config: Config) -> Skeleton:
    """Build `Qwen2AudioEncoder`."""
    return tower(renamed(config))


FAMILY = Family(
    "qwen2_audio_encoder",
    {"Qwen2AudioEncoder": bare},
    PromptSizes(hidden=1280, layers=32, heads=20, has_vocabulary=False),
)
