"""CLIP with both towers: `transformers.models.clip`."""

from __future__ import annotations

from dataclasses import replace

from lora_cli.models.architectures.multimodal import clip_text_model as text
from lora_cli.models.architectures.multimodal import clip_vision_model as vision
from lora_cli.models.config import Config
from lora_cli.models.family import Family
from lora_cli.models.parts.heads import image_classifier
from lora_cli.models.parts.kin.clip import projection
from lora_cli.models.parts.layers import Skeleton, parameter, under

# The older name wins where config.json has both.
TEXT_SECTION = ("text_config_dict", "text_config")
VISION_SECTION = ("vision_config_dict", "vision_config")


def _both(config: Config) -> Skeleton:
    """Build `CLIPModel`, whose get_input_embeddings() is not implemented."""
    text_config, vision_config = config.section(*TEXT_SECTION), config.section(*VISION_SECTION)
    return Skeleton(
        [
            *under("text_model", text.body(text_config)),
            *under("vision_model", vision.body(vision_config)),
            *projection("visual_projection", config, vision.hidden(vision_config)),
            *projection("text_projection", config, text.hidden(text_config)),
            *parameter("logit_scale"),
        ]
    )


def _images(config: Config) -> Skeleton:
    """Build `CLIPForImageClassification`, whose get_input_embeddings() is not implemented."""
    # The text section must be an object too, although it is not built.
    config.section(*TEXT_SECTION)
    vision_config = config.section(*VISION_SECTION)
    head = image_classifier(vision.hidden(vision_config), config.labels())
    return Skeleton([*under("vision_model", vision.body(vision_config)), *head])


FAMILY = Family(
    "clip",
    {"CLIPModel": _both, "CLIPForImageClassification": _images},
    replace(text.SIZES, section=TEXT_SECTION),
)
