"""DINOv2: `transformers.models.dinov2`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.feed_forward import gated, ungated
from lora_cli.models.parts.heads import image_classifier
from lora_cli.models.parts.image_patches import PATCHES, attention, embeddings, patch_grid
from lora_cli.models.parts.layers import Nodes, Skeleton, hollow, norm, parameter, repeat, under

PATCH = 14

hidden = size("hidden_size", 768)


def _embeddings(config: Config, d: int) -> Nodes:
    height, width = patch_grid(config, patch=PATCH)
    return embeddings(
        config,
        d,
        parameter("cls_token", 1, 1, d),
        parameter("mask_token", 1, d) if config.flag("use_mask_token", default=True) else (),
        parameter("position_embeddings", 1, height * width + 1, d),
        patch=PATCH,
    )


def _feed_forward(config: Config, d: int) -> Nodes:
    """Build `Dinov2MLP`, or `Dinov2SwiGLUFFN` of two thirds of its width, rounded up to a multiple of 8."""
    inner = d * config.size("mlp_ratio", default=4)
    if not config.flag("use_swiglu_ffn", default=False):
        return ungated(d, inner)
    return gated(d, -(-(inner * 2 // 3) // 8) * 8, bias=True)


def _body(config: Config) -> Nodes:
    d = hidden(config)
    return [
        *_embeddings(config, d),
        *repeat(
            "encoder.layer",
            config.layers("num_hidden_layers", default=12),
            norm("norm1", d, bias=True),
            under("attention", attention(config, d)),
            parameter("layer_scale1.lambda1", d),
            hollow("drop_path"),
            norm("norm2", d, bias=True),
            under("mlp", _feed_forward(config, d)),
            parameter("layer_scale2.lambda1", d),
        ),
        *norm("layernorm", d, bias=True),
    ]


def _bare(config: Config) -> Skeleton:
    return Skeleton(_body(config), embeddings=PATCHES)


def _images(config: Config) -> Skeleton:
    """Build `Dinov2ForImageClassification`, which sees the class token and the mean of the patches."""
    head = image_classifier(2 * hidden(config), config.labels())
    return Skeleton([*under("dinov2", _body(config)), *head], embeddings=f"dinov2.{PATCHES}")


FAMILY = Family(
    "dinov2",
    {"Dinov2ForImageClassification": _images, "Dinov2Model": _bare, "Dinov2Backbone": _bare},
    PromptSizes(hidden=768, layers=12, heads=12, has_vocabulary=False),
)
