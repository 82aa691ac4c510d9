"""Gemma 4, which sees and may hear: `transformers.models.gemma4`."""

from __future__ import annotations

from lora_cli.models.composite import Composite, Section, Tower, own_ties
from lora_cli.models.config import Config
from lora_cli.models.parts.layers import Nodes
from lora_cli.models.parts.towers.gemma4 import embedder
from lora_cli.models.registry import hidden_size


def seen(_config: Config, tower: Config, text: Config) -> Nodes:
    """Build what makes words of what is seen."""
    return embedder("embed_vision", tower.size("output_proj_dims", default=hidden_size(tower)), hidden_size(text))


def heard(_config: Config, tower: Config, text: Config) -> Nodes:
    """Build what makes words of what is heard."""
    return embedder("embed_audio", tower.size("output_proj_dims", default=1536), hidden_size(text))


VISION = Section(name="vision_config", model_type="gemma4_vision", fixed=True, optional=True)
AUDIO = Section(name="audio_config", model_type="gemma4_audio", fixed=True, optional=True)
FAMILY = Composite(
    text=Section(name="text_config", model_type="gemma4_text", fixed=True),
    towers=[Tower("vision_tower", VISION, seen), Tower("audio_tower", AUDIO, heard)],
).family("gemma4", "Gemma4", tied=own_ties)
