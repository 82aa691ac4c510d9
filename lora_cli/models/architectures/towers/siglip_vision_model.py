"""The vision tower of SigLIP: `transformers.models.siglip`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.layers import Skeleton
from lora_cli.models.parts.towers.siglip import PATCHES, pooling_head, tower

SIZES = PromptSizes(hidden=768, layers=12, heads=12, has_vocabulary=False)

hidden = size("hidden_size", 768)


def bare(config: Config) -> Skeleton:
    """Build `SiglipVisionModel`."""
    d = hidden(config)
    return Skeleton(
        [*tower(config, d, heads=12, patch=16, norms_first=True), *pooling_head(config, d)], embeddings=PATCHES
    )


FAMILY = Family("siglip_vision_model", {"SiglipVisionModel": bare}, SIZES)
