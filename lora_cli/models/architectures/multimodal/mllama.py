"""Llama 3.2 Vision: `transformers.models.mllama`."""

from __future__ import annotations

from lora_cli.models.architectures.text_parts.mllama_text_model import vocabulary
from lora_cli.models.composite import Composite, Section, Tower, never_tied
from lora_cli.models.config import Config
from lora_cli.models.parts.layers import Nodes, linear
from lora_cli.models.parts.projectors import PROJECTOR
from lora_cli.models.registry import hidden_size


def projector(_config: Config, tower: Config, text: Config) -> Nodes:
    """Build the Linear that is the projector."""
    return linear(PROJECTOR, tower.size("vision_output_dim", default=7680), hidden_size(text), bias=True)


VISION = Section(name="vision_config", model_type="mllama_vision_model", fixed=True)
FAMILY = Composite(
    text=Section(name="text_config", model_type="mllama_text_model", fixed=True),
    towers=[Tower("vision_model", VISION, projector)],
    vocabulary=vocabulary,
).family("mllama", "Mllama", tied=never_tied)
