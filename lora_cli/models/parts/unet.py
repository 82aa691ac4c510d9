"""What a UNet of diffusers is built of: residual blocks of convolutions, and transformers that see the text.

`diffusers.models.resnet`; `diffusers.models.unets.unet_2d_blocks`; `diffusers.models.transformers.transformer_2d`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

from lora_cli.errors import InvalidInput
from lora_cli.models.config import Config
from lora_cli.models.parts.diffusion import attention, feed_forward
from lora_cli.models.parts.layers import (
    Node,
    Nodes,
    convolution,
    hollow,
    linear,
    listed,
    module_list,
    norm,
    repeat,
    under,
)
from lora_cli.models.parts.unet_sizes import Level, depths

# The modules without parameters by which a residual block resizes an image.
RESIZERS = {"downsamplers": ("downsample", "downsample.conv"), "upsamplers": ("upsample",)}
# The norm of the text, and the groups of the other one.
LAYER_NORM, CROSS_GROUPS = "layer_norm", 32


class Common(NamedTuple):
    """What all blocks share: the width of the time step, how many parts it gives, and the groups of norms."""

    source: str
    time: int
    time_parts: int
    groups: int
    has_linear_projections: bool
    cross_norm: str


class Kind(NamedTuple):
    """How a block attends, by transformers or by single attentions, if it does; and whether residual blocks resize."""

    attends: Literal["", "transformers", "singly"] = ""
    has_residual_resizing: bool = False


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
    )
    yield from last


def single_attention(level: Level, common: Common) -> Iterator[Node]:
    """Build the attention of `SimpleCrossAttnDownBlock2D`, to the image and, by keys and values of its own, to the text."""
    d, context = level.channels, level.context
    inner = d // level.heads * level.heads
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


def block(
    kind: Kind,
    inputs: Sequence[int],
    level: Level,
    depths: Sequence[int],
    common: Common,
    resizing: str | None = None,
) -> Iterator[Node]:
    """Build one level: a residual block for each of the `inputs`, and an attention for each of the `depths`.

    `resizing` is what halves or doubles the image at the end: `downsamplers` or `upsamplers`.
    """
    d = level.channels
    if kind.attends:
        yield from listed(
            "attentions",
            [
                list(single_attention(level, common) if kind.attends == "singly" else transformer(level, depth, common))
                for depth in depths
            ],
        )
    yield from listed("resnets", [residual(channels, d, common) for channels in inputs])
    if resizing:
        resized = residual(d, d, common), hollow(*RESIZERS[resizing])
        yield from repeat(resizing, 1, *(resized if kind.has_residual_resizing else (convolution("conv", d, d, 3, 3),)))


def side(
    config: Config,
    name: str,
    blocks: Iterable[tuple[Kind, Level, Sequence[int], object]],
    common: Common,
    resizing: str,
) -> list[Nodes]:
    """Return the levels of one side, all but the last of which change the size of the image.

    Each of the `blocks` is its kind, its sizes, what its residual blocks take, and the layers of its transformers by
    the field `name`.
    """
    *changing, last = [
        (
            kind,
            inputs,
            level,
            depths(config, name, layers, len(inputs)) if kind.attends == "transformers" else [1] * len(inputs),
        )
        for kind, level, inputs, layers in blocks
    ]
    return [*(list(block(*each, common, resizing)) for each in changing), list(block(*last, common))]
