"""PaliGemma: `transformers.models.paligemma`."""

from __future__ import annotations

from lora_cli.models.composite import Composite, Section, Tower, own_ties
from lora_cli.models.config import Config
from lora_cli.models.parts.layers import Nodes, linear
from lora_cli.models.parts.projectors import PROJECTOR
from lora_cli.models.registry import hidden_size

TEXT = Section(
    name="text_config",
    model_type="gemma",
    missing={
        "hidden_size": 2048,
        "num_hidden_layers": 18,
        "intermediate_size": 16384,
        "num_attention_heads": 8,
        "num_key_value_heads": 1,
        "vocab_size": 257152,
    },
)
VISION = Section(
    name="vision_config",
    model_type="siglip_vision_model",
    missing={
        "intermediate_size": 4096,
        "hidden_size": 1152,
        "patch_size": 14,
        "image_size": 224,
        "num_hidden_layers": 27,
        "num_attention_heads": 16,
        "vision_use_head": False,
    },
)


def projector(config: Config, tower: Config, _text: Config) -> Nodes:
    """Build `PaliGemmaMultiModalProjector`, whose width config.json names itself."""
    width = config.size("projection_dim", default=2048)
    return linear(f"{PROJECTOR}.linear", hidden_size(tower), width, bias=True)


FAMILY = Composite(text=TEXT, towers=[Tower("vision_tower", VISION, projector)]).family(
    "paligemma", "PaliGemma", tied=own_ties
)
