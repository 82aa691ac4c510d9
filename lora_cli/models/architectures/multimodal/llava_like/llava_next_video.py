"""LLaVA-NeXT for videos: `transformers.models.llava_next_video`."""

from __future__ import annotations

from lora_cli.models.architectures.multimodal.llava_like import llava, llava_next
from lora_cli.models.composite import Composite, Tower, either_ties
from lora_cli.models.config import Config
from lora_cli.models.parts.layers import Nodes, hollow


def projector(config: Config, tower: Config, text: Config) -> Nodes:
    """Build LLaVA-NeXT's, and the pool over frames."""
    return [*llava_next.projector(config, tower, text), *hollow("vision_resampler", "vision_resampler.pool")]


FAMILY = Composite(text=llava.TEXT, towers=[Tower("vision_tower", llava.VISION, projector)]).family(
    "llava_next_video", "LlavaNextVideo", tied=either_ties
)
