"""LTX-Video: `diffusers.models.transformers.transformer_ltx`."""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.family import Component
from lora_cli.models.parts.diffusion import (
    FEED_FORWARDS,
    attention,
    feed_forward,
    head_norms,
    nullable,
    out_channels,
    single_norm,
    text_projection,
    width,
)
from lora_cli.models.parts.layers import Nodes, Skeleton, hollow, linear, parameter, plain_norm, repeat, under

ACTIVATION = "gelu-approximate"


def _block(config: Config, d: int) -> Nodes:
    """Build `LTXVideoTransformerBlock`, whose norms of queries and keys go over all heads."""
    bias = config.flag("attention_bias", default=True)
    out_bias = config.flag("attention_out_bias", default=True)
    affine = config.flag("norm_elementwise_affine", default=False)
    context = nullable(config, "cross_attention_dim", default=2048) or d
    return (
        *parameter("scale_shift_table", 6, d),
        *plain_norm("norm1", d, affine=affine, bias=False),
        *under("attn1", attention(d, bias=bias, out_bias=out_bias), head_norms(d, "norm")),
        *plain_norm("norm2", d, affine=affine, bias=False),
        *under("attn2", attention(d, context=context, bias=bias, out_bias=out_bias), head_norms(d, "norm")),
        *feed_forward("ff", d, kind=config.text("activation_fn", default=ACTIVATION)),
    )


def build(config: Config) -> Skeleton:
    """Build `LTXVideoTransformer3DModel`."""
    d = width(config, heads=32, head=64)
    return Skeleton(
        [
            *parameter("scale_shift_table", 2, d),
            *linear("proj_in", config.size("in_channels", default=128), d, bias=True),
            *single_norm("time_embed", d),
            *text_projection("caption_projection", config.size("caption_channels", default=4096), d),
            *hollow("rope"),
            *repeat("transformer_blocks", config.layers("num_layers", default=28), _block(config, d)),
            *hollow("norm_out"),
            *linear("proj_out", d, out_channels(config, inputs=128, default=128), bias=True),
        ]
    )


COMPONENT = Component(
    "LTXVideoTransformer3DModel",
    build,
    {"activation_fn": (ACTIVATION, *FEED_FORWARDS), "qk_norm": ("rms_norm_across_heads",)},
)
