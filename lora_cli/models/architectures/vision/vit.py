"""ViT: `transformers.models.vit`."""

from __future__ import annotations

from functools import partial

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import head_width
from lora_cli.models.parts.encoder import bare, headed
from lora_cli.models.parts.feed_forward import ungated
from lora_cli.models.parts.forward_pass import Attention, Body, Norm, Patches, plain, pre_norm
from lora_cli.models.parts.heads import classifies_images
from lora_cli.models.parts.image_patches import (
    PATCHES,
    attention,
    channels,
    embeddings,
    layer,
    patch_grid,
    pixels,
    sides,
)
from lora_cli.models.parts.layers import Nodes, hollow, linear, norm, parameter, repeat, under
from lora_cli.models.parts.passes.class_heads import Dense, FirstToken, Head

PATCH = 16

hidden = size("hidden_size", 768)


def _body(config: Config, *, masked: bool = False) -> Nodes:
    d = hidden(config)
    inner = config.size("intermediate_size", default=3072)
    return [
        *embeddings(config, d, parameter("mask_token", 1, 1, d) if masked else (), patch=PATCH),
        *repeat(
            "layers",
            config.layers("num_hidden_layers", default=12),
            layer(d, attention(config, d), ungated(d, inner)),
        ),
        *norm("layernorm", d, bias=True),
    ]


def _pooled(config: Config) -> Nodes:
    d = hidden(config)
    pooled = config.number("pooler_output_size", default=0) or d
    return [*_body(config), *under("pooler", linear("dense", d, pooled, bias=True), hollow("activation"))]


def _pixels(config: Config) -> Nodes:
    return pixels(config, hidden(config), stride=PATCH)


def forward(config: Config) -> Body:
    """Describe the pass through `ViTModel`."""
    d, heads = hidden(config), config.size("num_attention_heads", default=12)
    image, patches = sides(config, "image_size", default=224), patch_grid(config, patch=PATCH)
    dropout = config.real("hidden_dropout_prob", default=0.0)
    attention = Attention(
        heads,
        heads,
        head_width(config, d, heads),
        "attention",
        dropout=config.real("attention_probs_dropout_prob", default=0.0),
        causal=False,
    )
    inner = plain("mlp", "fc1", "fc2", config.text("hidden_act", default="gelu"))
    names = "layernorm_before", "layernorm_after"
    return Body(
        [pre_norm(attention, inner, "layer", dropout, names=names)] * config.layers("num_hidden_layers", default=12),
        Norm("layernorm", "layer"),
        Patches(patches[0] * patches[1] + 1, channels(config) * image[0] * image[1], PATCHES, dropout=dropout),
    )


FAMILY = Family(
    "vit",
    {
        "ViTForImageClassification": headed("vit", _body, classifies_images(hidden), words=PATCHES),
        "ViTModel": bare(_pooled, words=PATCHES),
        "ViTForMaskedImageModeling": headed("vit", partial(_body, masked=True), _pixels, words=PATCHES),
    },
    PromptSizes(hidden=768, layers=12, heads=12, has_vocabulary=False),
    forward=forward,
    heads={"ForImageClassification": lambda _: Head((FirstToken(), Dense("classifier")), "sequences")},
)
