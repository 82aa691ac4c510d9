"""What a UNet of diffusers is built of: residual blocks of convolutions, and transformers that see the text.

`diffusers.models.resnet`; `diffusers.models.unets.unet_2d_blocks`; `diffusers.models.transformers.transformer_2d`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from lora_cli.errors import InvalidInput
from lora_cli.models.parts.diffusion import attention, feed_forward
from lora_cli.models.parts.layers import (
    Node,
    Nodes,
    convolution,
    hollow,
    linear,
    module_list,
    norm,
    parameter,
    repeat,
    under,
)
from lora_cli.models.parts.unet_sizes import Level

# How many numbers the time step gives each channel.
TIME_PARTS = {"default": 1, "scale_shift": 2}
# The norm of the text, and the groups of the other one.
LAYER_NORM, CROSS_GROUPS = "layer_norm", 32


class Common(NamedTuple):
    """What all blocks share: the width of the time step, how many parts it gives, and the groups of norms; and whether transformers see boxes."""

    source: str
    time: int
    time_parts: int
    groups: int
    has_linear_projections: bool
    cross_norm: str
    sees_boxes: bool


def group_norm(name: str, channels: int, common: Common) -> Nodes:
    """Build a `torch.nn.GroupNorm`, whose groups must divide the channels."""
    if channels % common.groups:
        raise InvalidInput(f"{common.source}: {channels} channels are not divisible by norm_num_groups {common.groups}")
    return norm(name, channels, bias=True)


def residual(d: int, h: int, common: Common) -> Nodes:
    """Build `ResnetBlock2D` from `d` to `h` channels."""
    return (
        *group_norm("norm1", d, common),
        *convolution("conv1", d, h, 3, 3),
        *linear("time_emb_proj", common.time, common.time_parts * h, bias=True),
        *group_norm("norm2", h, common),
        *hollow("dropout"),
        *convolution("conv2", h, h, 3, 3),
        *hollow("nonlinearity"),
        *(convolution("conv_shortcut", d, h, 1, 1) if d != h else ()),
    )


def transformer(level: Level, layers: int, common: Common) -> Iterator[Node]:
    """Build `Transformer2DModel`, each of whose blocks attends to the image and to the text."""
    d, context = level.channels, level.context
    inner = d // level.heads * level.heads
    projected = [("proj_in", d, inner), ("proj_out", inner, d)]
    first, last = (
        linear(*each, bias=True) if common.has_linear_projections else convolution(*each, 1, 1) for each in projected
    )
    yield from group_norm("norm", d, common)
    yield from first
    yield from repeat(
        "transformer_blocks",
        layers,
        norm("norm1", inner, bias=True),
        under("attn1", attention(inner, context=context if level.sees_only_text else None, bias=False)),
        norm("norm2", inner, bias=True),
        under("attn2", attention(inner, context=context, bias=False)),
        norm("norm3", inner, bias=True),
        feed_forward("ff", inner, kind="geglu"),
        under("fuser", _fused_boxes(inner, context)) if common.sees_boxes else (),
    )
    yield from last


def _fused_boxes(d: int, context: int) -> Iterator[Node]:
    """Build `GatedSelfAttentionDense`, by which an image sees what is to be in a box."""
    yield from parameter("alpha_attn")
    yield from parameter("alpha_dense")
    yield from linear("linear", context, d, bias=True)
    yield from under("attn", attention(d, bias=False))
    yield from feed_forward("ff", d, kind="geglu")
    yield from norm("norm1", d, bias=True)
    yield from norm("norm2", d, bias=True)


def single_attention(level: Level, common: Common) -> Iterator[Node]:
    """Build the attention of `SimpleCrossAttnDownBlock2D`, to the image and, by keys and values of its own, to the text."""
    d, context = level.channels, level.context
    inner = d // level.head_width * level.head_width
    yield from group_norm("group_norm", d, common)
    if common.cross_norm:
        width = d if common.cross_norm == LAYER_NORM else context
        if common.cross_norm != LAYER_NORM and width % CROSS_GROUPS:
            raise InvalidInput(
                f"{common.source}: cross_attention_dim {width} is not divisible by {CROSS_GROUPS} groups"
            )
        yield from norm("norm_cross", width, bias=True)
    yield from linear("to_q", d, inner, bias=True)
    for name in () if level.sees_only_text else ("to_k", "to_v"):
        yield from linear(name, d, inner, bias=True)
    for name in ("add_k_proj", "add_v_proj"):
        yield from linear(name, context, inner, bias=True)
    yield from module_list("to_out")
    yield from linear("to_out.0", inner, d, bias=True)
    yield from hollow("to_out.1")
