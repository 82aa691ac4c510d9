"""DINOv2: `transformers.models.dinov2`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.encoder import bare, headed
from lora_cli.models.parts.feed_forward import gated, ungated
from lora_cli.models.parts.heads import classifies_images
from lora_cli.models.parts.image_patches import PATCHES, attention, embeddings
from lora_cli.models.parts.layers import Nodes, hollow, norm, parameter, repeat, under
from lora_cli.models.parts.stages import features

PATCH = 14

hidden = size("hidden_size", 768)


def _feed_forward(config: Config, d: int) -> Nodes:
    """Build `Dinov2MLP`, or `Dinov2SwiGLUFFN` of two thirds of its width, rounded up to a multiple of 8."""
    inner = d * config.size("mlp_ratio", default=4)
    if not config.flag("use_swiglu_ffn", default=False):
        return ungated(d, inner)
    return gated(d, -(-(inner * 2 // 3) // 8) * 8, bias=True)


def _body(config: Config) -> Nodes:
    d, layers = hidden(config), config.layers("num_hidden_layers", default=12)
    features(config, layers)
    mask = parameter("mask_token", 1, d) if config.flag("use_mask_token", default=True) else ()
    return [
        *embeddings(config, d, mask, patch=PATCH),
        *repeat(
            "encoder.layer",
            layers,
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


def _seen(config: Config) -> int:
    """Return the width of what `Dinov2ForImageClassification` sees: the class token and the mean of the patches."""
    return 2 * hidden(config)


FAMILY = Family(
    "dinov2",
    {
        "Dinov2ForImageClassification": headed("dinov2", _body, classifies_images(_seen), words=PATCHES),
        "Dinov2Model": bare(_body, words=PATCHES),
        "Dinov2Backbone": bare(_body, words=PATCHES),
    },
    PromptSizes(hidden=768, layers=12, heads=12, has_vocabulary=False),
)
