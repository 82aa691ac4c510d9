"""LLaVA: `transformers.models.llava`."""

from __future__ import annotations

from lora_cli.models.composite import Composite, Section, Tower, either_ties
from lora_cli.models.config import Config
from lora_cli.models.parts.layers import Nodes
from lora_cli.models.parts.projectors import of_llava
from lora_cli.models.registry import hidden_size

TEXT = Section(name="text_config", model_type="llama")
VISION = Section(
    name="vision_config",
    model_type="clip_vision_model",
    missing={
        "intermediate_size": 4096,
        "hidden_size": 1024,
        "patch_size": 14,
        "image_size": 336,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
    },
)


def projector(config: Config, tower: Config, text: Config) -> Nodes:
    """Build `LlavaMultiModalProjector`."""
    return of_llava(config, hidden_size(tower), hidden_size(text))


FAMILY = Composite(text=TEXT, towers=[Tower("vision_tower", VISION, projector)]).family(
    "llava", "Llava", tied=either_ties
)
