"""LLaVA-NeXT: `transformers.models.llava_next`."""

from __future__ import annotations

from lora_cli.models.architectures.multimodal.llava_like import llava
from lora_cli.models.composite import Composite, Tower, untied
from lora_cli.models.config import Config
from lora_cli.models.parts.layers import Nodes, parameter
from lora_cli.models.registry import hidden_size


def projector(config: Config, tower: Config, text: Config) -> Nodes:
    """Build LLaVA's, and the word that stands between rows of an image."""
    return [*llava.projector(config, tower, text), *parameter("image_newline", hidden_size(text))]


FAMILY = Composite(text=llava.TEXT, towers=[Tower("vision_tower", llava.VISION, projector)]).family(
    "llava_next", "LlavaNext", tied=untied
)
