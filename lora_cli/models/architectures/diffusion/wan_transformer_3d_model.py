"""Wan 2.1 and 2.2: `diffusers.models.transformers.transformer_wan`."""

from __future__ import annotations

from math import prod

from lora_cli.models.config import Config
from lora_cli.models.family import Component
from lora_cli.models.parts.diffusion import (
    attention,
    feed_forward,
    head_norms,
    out_channels,
    size_list,
    text_projection,
    time_embedding,
    width,
)
from lora_cli.models.parts.layers import Nodes, Skeleton, convolution, hollow, linear, norm, parameter, repeat, under


def _condition(config: Config, d: int) -> Nodes:
    """Build `WanTimeTextImageEmbedding`, which embeds an image only for models that start from one."""
    image, positions = config.number("image_dim", default=0), config.number("pos_embed_seq_len", default=0)
    parts = (
        *(parameter("pos_embed", 1, positions, image) if positions else ()),
        *norm("norm1", image, bias=True),
        *feed_forward("ff", image, inner=image, h=d),
        *norm("norm2", d, bias=True),
    )
    return (
        *hollow("timesteps_proj"),
        *time_embedding("time_embedder", d, d=config.size("freq_dim", default=256)),
        *hollow("act_fn"),
        *linear("time_proj", d, 6 * d, bias=True),
        *text_projection("text_embedder", config.size("text_dim", default=4096), d),
        *(under("image_embedder", parts) if image else ()),
    )


def _block(config: Config, d: int) -> Nodes:
    """Build `WanTransformerBlock`, whose norms of queries and keys go over all heads."""
    image = config.number("added_kv_proj_dim", default=0)
    added = (
        *linear("add_k_proj", image, d, bias=True),
        *linear("add_v_proj", image, d, bias=True),
        *norm("norm_added_k", d),
    )
    is_normed = config.flag("cross_attn_norm", default=True)
    return (
        *parameter("scale_shift_table", 1, 6, d),
        *hollow("norm1"),
        *under("attn1", attention(d), head_norms(d, "norm")),
        *under("attn2", attention(d), head_norms(d, "norm"), added if image else ()),
        *(norm("norm2", d, bias=True) if is_normed else hollow("norm2")),
        *feed_forward("ffn", d, inner=config.size("ffn_dim", default=13824)),
        *hollow("norm3"),
    )


def build(config: Config) -> Skeleton:
    """Build `WanTransformer3DModel`, whose rotary positions need heads of an even width."""
    d, patch = width(config, heads=40, head=128), size_list(config, "patch_size", default=[1, 2, 2], count=3)
    config.share(config.size("attention_head_dim", default=128), "attention_head_dim", 2, "the parts of a rotation,")
    return Skeleton(
        [
            *parameter("scale_shift_table", 1, 2, d),
            *hollow("rope"),
            *convolution("patch_embedding", config.size("in_channels", default=16), d, *patch),
            *under("condition_embedder", _condition(config, d)),
            *repeat("blocks", config.layers("num_layers", default=40), _block(config, d)),
            *hollow("norm_out"),
            *linear("proj_out", d, prod(patch) * out_channels(config, inputs=16, default=16), bias=True),
        ]
    )


COMPONENT = Component("WanTransformer3DModel", build)
