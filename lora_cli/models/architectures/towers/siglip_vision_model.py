"""The vision tower of SigLIP: `transformers.models.siglip`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.clip import encoder
from lora_cli.models.parts.layers import Skeleton, convolution, embedding, norm
from lora_cli.models.parts.towers.siglip import pooling_head

PATCHES = "embeddings.patch_embedding"

hidden = size("hidden_size", 768)


def tower(config: Config) -> Skeleton:
    """Build `SiglipVisionModel`."""
    d = hidden(config)
    patch = config.size("patch_size", default=16)
    # The convolution leaves out the edge of an image that is not a multiple of the patch.
    patches = (config.size("image_size", default=224) // patch) ** 2
    nodes = [
        *convolution(PATCHES, config.size("num_channels", default=3), d, patch, patch),
        *embedding("embeddings.position_embedding", patches, d),
        *encoder(config, d, heads=12, inner=3072),
        *norm("post_layernorm", d, bias=True),
        *pooling_head(config, d),
    ]
    return Skeleton(nodes, embeddings=PATCHES)


FAMILY = Family(
    "siglip_vision_model",
    {"SiglipVisionModel": tower},
    PromptSizes(hidden=768, layers=12, heads=12, has_vocabulary=False),
)
