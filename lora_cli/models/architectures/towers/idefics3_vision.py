"""The tower of Idefics 3, which is SigLIP's without a head: `transformers.models.idefics3`."""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.layers import Skeleton
from lora_cli.models.parts.towers.siglip import hidden, tower


def bare(config: Config) -> Skeleton:
    """Build `Idefics3VisionTransformer`."""
    return Skeleton(tower(config, hidden(config)), embeddings="embeddings")


FAMILY = Family(
    "idefics3_vision",
    {"Idefics3VisionTransformer": bare},
    PromptSizes(hidden=1152, layers=12, heads=16, has_vocabulary=False),
)
