"""The vision tower of SigLIP 2, which takes patches that are cut out: `transformers.models.siglip2`."""

from __future__ import annotations

from lora_cli.models.architectures.towers.siglip_vision_model import SIZES, hidden
from lora_cli.models.config import Config
from lora_cli.models.family import Family
from lora_cli.models.parts.kin.clip import encoder
from lora_cli.models.parts.layers import Skeleton, embedding, linear, norm
from lora_cli.models.parts.towers.siglip import PATCHES, pooling_head


def bare(config: Config) -> Skeleton:
    """Build `Siglip2VisionModel`."""
    d = hidden(config)
    inputs = config.size("num_channels", default=3) * config.size("patch_size", default=16) ** 2
    nodes = [
        *linear(PATCHES, inputs, d, bias=True),
        *embedding("embeddings.position_embedding", config.size("num_patches", default=256), d),
        *encoder(config, d, heads=12, inner=3072, norms_first=True),
        *norm("post_layernorm", d, bias=True),
        *pooling_head(config, d),
    ]
    return Skeleton(nodes, embeddings=PATCHES)


FAMILY = Family("siglip2_vision_model", {"Siglip2VisionModel": bare}, SIZES)
