"""Towers like those of GLM-V: Qwen's blocks, and patches that a convolution joins before they are merged."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.models.config import Config
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.layers import (
    Node,
    Nodes,
    Skeleton,
    convolution,
    embedding,
    hollow,
    linear,
    norm,
    repeat,
    under,
)
from lora_cli.models.parts.towers.qwen import depth, patches, two_norms


def merger(h: int, inner: int) -> Iterator[Node]:
    """Build `Glm4vVisionPatchMerger`."""
    *projections, activation = gated(h, inner)
    layers = (
        linear("proj", h, h),
        norm("post_projection_norm", h, bias=True),
        projections,
        hollow("act1"),
        (activation,),
    )
    return under("merger", *layers)


def joined(config: Config, d: int, h: int) -> list[Node]:
    """Build the convolution over neighbouring patches, and the norm before it."""
    side = config.size("spatial_merge_size", default=2)
    return [*convolution("downsample", d, h, side, side), *norm("post_layernorm", d)]


def tower(config: Config) -> Skeleton:
    """Build `Glm4vVisionModel`, which says of no module that it takes images."""
    d, h = config.size("hidden_size", default=1536), config.size("out_hidden_size", default=4096)
    bias = config.flag("attention_bias", default=False)
    positions = (config.size("image_size", default=336) // config.size("patch_size", default=14)) ** 2
    nodes = [
        *embedding("embeddings.position_embedding", positions, d),
        *patches(config, d, bias=True),
        *blocks(config, d, 24, under("attn", linear("qkv", d, 3 * d, bias=bias), linear("proj", d, d)), gated(d, h)),
        *merger(h, config.size("intermediate_size", default=13696)),
        *norm("post_conv_layernorm", d),
        *joined(config, d, h),
    ]
    return Skeleton(nodes)


def blocks(config: Config, d: int, layers: int, attention: Nodes, feed_forward: Nodes) -> Nodes:
    """Build the blocks, by default so many `layers`."""
    return repeat("blocks", depth(config, layers), two_norms(d, bias=False), attention, under("mlp", feed_forward))
