"""Llama 4, which sees: `transformers.models.llama4`."""

from __future__ import annotations

from lora_cli.models.composite import NO_SIZES, Composite, Section, Tower
from lora_cli.models.config import Config
from lora_cli.models.family import Family
from lora_cli.models.parts.layers import Nodes, linear
from lora_cli.models.parts.projectors import PROJECTOR
from lora_cli.models.registry import hidden_size


def projector(_config: Config, tower: Config, text: Config) -> Nodes:
    """Build `Llama4MultiModalProjector`."""
    return linear(f"{PROJECTOR}.linear_1", tower.size("vision_output_dim", default=7680), hidden_size(text))


VISION = Section(name="vision_config", model_type="llama4_vision_model", fixed=True)
PARTS = Composite(
    text=Section(name="text_config", model_type="llama4_text", fixed=True, headed=True),
    towers=[Tower("vision_model", VISION, projector)],
)
FAMILY = Family("llama4", {"Llama4ForConditionalGeneration": PARTS.body}, NO_SIZES, text=PARTS.text.of)
