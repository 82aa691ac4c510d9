"""The tower of InternVL, which is a ViT: `transformers.models.internvl`."""

from __future__ import annotations

from lora_cli.errors import quote
from lora_cli.models.config import Config
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.feed_forward import ungated
from lora_cli.models.parts.image_patches import PATCHES, sides
from lora_cli.models.parts.layers import Nodes, Skeleton, convolution, hollow, linear, norm, parameter, repeat, under

NORMS = {"layer_norm": True, "rms_norm": False}


def _embeddings(config: Config, d: int) -> Nodes:
    height, width = sides(config, "image_size", default=448)
    patch = sides(config, "patch_size", default=14)
    patches = (height // patch[0]) * (width // patch[1])
    placed = config.flag("use_absolute_position_embeddings", default=True)
    return under(
        "embeddings",
        parameter("cls_token", 1, 1, d),
        parameter("mask_token", 1, 1, d) if config.flag("use_mask_token", default=False) else (),
        parameter("position_embeddings", 1, patches + 1, d) if placed else (),
        convolution("patch_embeddings.projection", config.size("num_channels", default=3), d, *patch),
        hollow("dropout"),
    )


def _attention(config: Config, d: int) -> Nodes:
    bias = config.flag("attention_bias", default=False)
    normed = config.flag("use_qk_norm", default=False)
    return under(
        "attention",
        *(linear(name, d, d, bias=bias) for name in ("q_proj", "k_proj", "v_proj")),
        linear("projection_layer", d, d, bias=True),
        hollow("projection_dropout"),
        *(norm(name, d) if normed else hollow(name) for name in ("q_norm", "k_norm")),
    )


def tower(config: Config) -> Skeleton:
    """Build `InternVLVisionModel`."""
    d = config.size("hidden_size", default=1024)
    config.share(d, "hidden_size", config.size("num_attention_heads", default=16), "num_attention_heads")
    kind = config.text("norm_type", default="layer_norm")
    if kind not in NORMS:
        raise config.wrong("norm_type", " or ".join(map(quote, NORMS)))
    bias = NORMS[kind]
    nodes = [
        *_embeddings(config, d),
        *repeat(
            "encoder.layer",
            config.layers("num_hidden_layers", default=24),
            _attention(config, d),
            under("mlp", ungated(d, config.size("intermediate_size", default=4096))),
            *(norm(name, d, bias=bias) for name in ("layernorm_before", "layernorm_after")),
            *(parameter(name, d) for name in ("lambda_1", "lambda_2")),
            hollow("dropout"),
        ),
        *(hollow("layernorm") if config.flag("use_mean_pooling", default=True) else norm("layernorm", d, bias=True)),
    ]
    return Skeleton(nodes, embeddings=PATCHES)


FAMILY = Family(
    "internvl_vision",
    {"InternVLVisionModel": tower},
    PromptSizes(hidden=1024, layers=24, heads=16, has_vocabulary=False),
)
