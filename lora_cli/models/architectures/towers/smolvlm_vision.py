"""The tower of SmolVLM, which is SigLIP's without a head: `transformers.models.smolvlm`."""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.layers import Skeleton
from lora_cli.models.parts.towers.siglip import hidden, tower


def bare(config: Config) -> Skeleton:
    """Build `SmolVLMVisionTransformer`."""
    return Skeleton(tower(config, hidden(config)), embeddings="embeddings")


FAMILY = Family(
    "smolvlm_vision",
    {"SmolVLMVisionTransformer": bare},
    PromptSizes(hidden=1152, layers=12, heads=16, has_vocabulary=False),
)
