"""The vision tower of CLIP: `transformers.models.clip`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.kin.clip import encoder, projection
from lora_cli.models.parts.layers import Nodes, Skeleton, convolution, embedding, norm, parameter, under

PATCHES = "embeddings.patch_embedding"

hidden = size("hidden_size", 768)


def body(config: Config) -> Nodes:
    """Build `CLIPVisionModel`, whose first norm is named pre_layrnorm."""
    d = hidden(config)
    patch = config.size("patch_size", default=32)
    # The convolution leaves out the edge of an image that is not a multiple of the patch.
    patches = (config.size("image_size", default=224) // patch) ** 2
    return [
        *parameter("embeddings.class_embedding", d),
        *convolution(PATCHES, config.size("num_channels", default=3), d, patch, patch, bias=False),
        *embedding("embeddings.position_embedding", patches + 1, d),
        *norm("pre_layrnorm", d, bias=True),
        *encoder(config, d, heads=12, inner=3072),
        *norm("post_layernorm", d, bias=True),
    ]


def _bare(config: Config) -> Skeleton:
    return Skeleton(body(config), embeddings=PATCHES)


def _projected(config: Config) -> Skeleton:
    head = projection("visual_projection", config, hidden(config))
    return Skeleton([*under("vision_model", body(config)), *head], embeddings=f"vision_model.{PATCHES}")


FAMILY = Family(
    "clip_vision_model",
    {"CLIPVisionModel": _bare, "CLIPVisionModelWithProjection": _projected},
    PromptSizes(hidden=768, layers=12, heads=12, has_vocabulary=False),
)
