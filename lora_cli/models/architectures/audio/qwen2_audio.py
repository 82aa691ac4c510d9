"""Qwen2-Audio: `transformers.models.qwen2_audio`."""

from __future__ import annotations

from lora_cli.models.composite import Composite, Section, Tower, never_tied
from lora_cli.models.config import Config
from lora_cli.models.parts.layers import Nodes, linear
from lora_cli.models.parts.projectors import PROJECTOR
from lora_cli.models.registry import hidden_size


def projector(_config: Config, tower: Config, text: Config) -> Nodes:
    """Build `Qwen2AudioMultiModalProjector`."""
    return linear(f"{PROJECTOR}.linear", hidden_size(tower), hidden_size(text), bias=True)


FAMILY = Composite(
    text=Section(name="text_config", model_type="qwen2"),
    towers=[Tower("audio_tower", Section(name="audio_config", model_type="qwen2_audio_encoder"), projector)],
).family("qwen2_audio", "Qwen2Audio", tied=never_tied)
