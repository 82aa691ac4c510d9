"""ViT: `transformers.models.vit`."""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import head_width
from lora_cli.models.parts.feed_forward import ungated
from lora_cli.models.parts.forward_pass import Attention, Body, Norm, Patches, plain, pre_norm
from lora_cli.models.parts.heads import image_classifier
from lora_cli.models.parts.image_patches import PATCHES, attention, channels, embeddings, patch_grid, pixels, sides
from lora_cli.models.parts.layers import Nodes, Skeleton, hollow, linear, norm, parameter, repeat, under
from lora_cli.models.parts.passes.class_heads import Dense, FirstToken, Head


def _hidden(config: Config) -> int:
    return config.size("hidden_size", default=768)


def _embeddings(config: Config, *, masked: bool) -> Nodes:
    d = _hidden(config)
    height, width = patch_grid(config, patch=16)
    return embeddings(
        config,
        d,
        parameter("cls_token", 1, 1, d),
        parameter("mask_token", 1, 1, d) if masked else (),
        parameter("position_embeddings", 1, height * width + 1, d),
        patch=16,
    )


def _body(config: Config, *, masked: bool = False) -> Nodes:
    d = _hidden(config)
    inner = config.size("intermediate_size", default=3072)
    return [
        *_embeddings(config, masked=masked),
        *repeat(
            "layers",
            config.layers("num_hidden_layers", default=12),
            under("attention", attention(config, d)),
            norm("layernorm_before", d, bias=True),
            norm("layernorm_after", d, bias=True),
            under("mlp", ungated(d, inner)),
            hollow("dropout"),
        ),
        *norm("layernorm", d, bias=True),
    ]


def _images(config: Config) -> Skeleton:
    head = image_classifier(_hidden(config), config.labels())
    return Skeleton([*under("vit", _body(config)), *head], embeddings=f"vit.{PATCHES}")


def _bare(config: Config) -> Skeleton:
    d = _hidden(config)
    pooled = config.number("pooler_output_size", default=0) or d
    pooler = under("pooler", linear("dense", d, pooled, bias=True), hollow("activation"))
    return Skeleton([*_body(config), *pooler], embeddings=PATCHES)


def _masked(config: Config) -> Skeleton:
    nodes = [*under("vit", _body(config, masked=True)), *pixels(config, _hidden(config), stride=16)]
    return Skeleton(nodes, embeddings=f"vit.{PATCHES}")


def forward(config: Config) -> Body:
    """Describe the pass through `ViTModel`."""
    d, heads = _hidden(config), config.size("num_attention_heads", default=12)
    image, patches = sides(config, "image_size", default=224), patch_grid(config, patch=16)
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
        "ViTForImageClassification": _images,
        "ViTModel": _bare,
        "ViTForMaskedImageModeling": _masked,
    },
    PromptSizes(hidden=768, layers=12, heads=12, has_vocabulary=False),
    forward=forward,
    heads={"ForImageClassification": lambda _: Head((FirstToken(), Dense("classifier")), "sequences")},
)
