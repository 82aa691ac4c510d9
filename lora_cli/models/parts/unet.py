"""What a UNet of diffusers is built of: residual blocks of convolutions, and transformers that see the text.

`diffusers.models.resnet`; `diffusers.models.unets.unet_2d_blocks`; `diffusers.models.transformers.transformer_2d`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from lora_cli.errors import InvalidInput
from lora_cli.models.config import MAX_SIZE, Config
from lora_cli.models.parts.diffusion import attention, feed_forward
from lora_cli.models.parts.layers import Node, Nodes, convolution, hollow, linear, listed, norm, repeat, under

# More than any UNet has, and few enough to be built at once.
MOST_BLOCKS, MOST_LAYERS = 20, 200


def sizes(
    config: Config, name: str, *, default: int | list[int], count: int | None = None, most: int = MAX_SIZE
) -> list[int]:
    """Return a field that is one size for all `count` levels, or a list with one for each."""
    value = config.fields.get(name)
    value = default if value is None else value
    if isinstance(value, list) and count is not None and len(value) != count:
        raise config.wrong(name, f"one size, or a list of {count}, one for each block")
    each = value if isinstance(value, list) else [value] * (count or 1)
    found = [Config({name: size}, config.source).number(name, default=0, least=1, most=most) for size in each]
    if not (found and all(found)):
        raise config.wrong(name, f"a list of whole numbers from 1 to {most}")
    return found


def depths(config: Config, name: str, value: object, count: int) -> list[int]:
    """Return the layers of the `count` transformers of a level: one number for all, or a list."""
    each = value if isinstance(value, list) else [value] * count
    if len(each) < count:
        raise config.wrong(name, f"as long as the {count} transformers of each block")
    found = sizes(Config({name: each[:count]}, config.source), name, default=1, most=MOST_LAYERS)
    if sum(found) > MOST_LAYERS:
        raise config.wrong(name, f"at most {MOST_LAYERS} layers for each block")
    return found


class Common(NamedTuple):
    """What all blocks share: the width of the time step, how many parts it gives, and the groups of norms."""

    source: str
    time: int
    time_parts: int
    groups: int
    has_linear_projections: bool


class Level(NamedTuple):
    """What the transformers of one level share. Where `sees_only_text`, no attention is to the image itself."""

    channels: int
    heads: int
    context: int
    sees_only_text: bool


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


def block(
    inputs: Sequence[int], level: Level, depths: Sequence[int] | None, common: Common, resizing: str | None = None
) -> Iterator[Node]:
    """Build one level: a residual block for each of the `inputs`, and a transformer for each of the `depths`.

    `resizing` is what halves or doubles the image at the end: `downsamplers` or `upsamplers`.
    """
    d = level.channels
    if depths is not None:
        yield from listed("attentions", [list(transformer(level, depth, common)) for depth in depths])
    yield from listed("resnets", [residual(channels, d, common) for channels in inputs])
    if resizing:
        yield from repeat(resizing, 1, convolution("conv", d, d, 3, 3))


def side(
    config: Config,
    name: str,
    blocks: Iterable[tuple[bool, Level, Sequence[int], object]],
    common: Common,
    resizing: str,
) -> list[Nodes]:
    """Return the levels of one side, all but the last of which change the size of the image.

    Each of the `blocks` is whether it has transformers, its sizes, what its residual blocks take, and the layers of
    its transformers by the field `name`.
    """
    *changing, last = [
        (inputs, level, depths(config, name, layers, len(inputs)) if has_transformers else None)
        for has_transformers, level, inputs, layers in blocks
    ]
    return [*(list(block(*each, common, resizing)) for each in changing), list(block(*last, common))]


def down_inputs(channels: Sequence[int], layers: Sequence[int]) -> list[list[int]]:
    """Return the channels that the residual blocks of each level take on the way in.

    >>> down_inputs([8, 16], [2, 2])
    [[8, 8], [8, 16]]
    """
    before = [channels[0], *channels[:-1]]
    return [[first, *[own] * (count - 1)] for first, own, count in zip(before, channels, layers, strict=True)]


def up_inputs(channels: Sequence[int], layers: Sequence[int]) -> list[list[int]]:
    """Return what the residual blocks of each level take on the way out, beside what was kept on the way in.

    The levels are in the order of the way in.

    >>> up_inputs([8, 16], [1, 1])
    [[24, 16], [32, 24]]
    """
    inner, outer = [*channels[1:], channels[-1]], [channels[0], *channels[:-1]]
    return [
        [a + b for a, b in zip([deeper, *[own] * count], [*[own] * count, kept], strict=True)]
        for deeper, own, kept, count in zip(inner, channels, outer, layers, strict=True)
    ]


def levels(config: Config, count: int) -> list[Level]:
    """Return the sizes of the transformers of each level, the outermost first."""
    if count > MOST_BLOCKS:
        raise InvalidInput(f"{config.source}: down_block_types has {count} entries; it must have at most {MOST_BLOCKS}")
    flags = config.fields.get("only_cross_attention")
    flags = flags if isinstance(flags, list) else [config.flag("only_cross_attention", default=False)] * count
    channels = sizes(config, "block_out_channels", default=[320, 640, 1280, 1280], count=count)
    heads = sizes(config, "attention_head_dim", default=8, count=count)
    contexts = sizes(config, "cross_attention_dim", default=1280, count=count)
    if len(flags) != count:
        raise config.wrong("only_cross_attention", f"true, false or a list of {count}")
    for width, number in zip(channels, heads, strict=True):
        if number > width:
            raise InvalidInput(f"{config.source}: attention_head_dim {number} is more than {width} channels")
    return [Level(*each) for each in zip(channels, heads, contexts, map(bool, flags), strict=True)]
