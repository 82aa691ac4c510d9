"""Towers like those of Qwen-VL: patches of some frames, blocks, and a merger of neighbouring patches."""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.parts.layers import Nodes, convolution, hollow, linear, norm, under

PATCHES = "patch_embed"


def patches(config: Config, d: int, *, patch: int = 14, bias: bool = False, positions: Nodes = ()) -> Nodes:
    """Build the convolution over patches of some frames, then their `positions` if these are learned."""
    side, channels = config.size("patch_size", default=patch), config.size("in_channels", default=3)
    frames = config.size("temporal_patch_size", default=2)
    return [
        *convolution("patch_embed.proj", channels, d, frames, side, side, bias=bias),
        *positions,
        *hollow("rotary_pos_emb"),
    ]


def depth(config: Config, default: int) -> int:
    """Return the number of blocks."""
    return config.layers("num_hidden_layers", "depth", default=default)


def attention(config: Config, d: int, *, bias: bool = True, output_bias: bool = True) -> Nodes:
    """Build `attn`, whose q, k and v are one Linear."""
    config.size("num_attention_heads", "num_heads", default=16)
    return under("attn", linear("qkv", d, 3 * d, bias=bias), linear("proj", d, d, bias=output_bias))


def merged(config: Config, d: int) -> int:
    """Return the width of neighbouring patches together."""
    side: int = config.size("spatial_merge_size", default=2)
    return d * side**2


def merger(wide: int, h: int, first: Nodes) -> Nodes:
    """Build `merger` of patches `wide` together, below its `first` norm."""
    layers = linear("0", wide, wide, bias=True), hollow("1"), linear("2", wide, h, bias=True)
    return under("merger", first, under("mlp", *layers))


def numbered(d: int, inner: int) -> Nodes:
    """Build a feed-forward whose Linears are numbered."""
    parts = linear("linear_fc1", d, inner, bias=True), linear("linear_fc2", inner, d, bias=True), hollow("act_fn")
    return [node for part in parts for node in part]


def two_norms(d: int, *, bias: bool) -> Nodes:
    """Build the norms of a block."""
    return [*norm("norm1", d, bias=bias), *norm("norm2", d, bias=bias)]
