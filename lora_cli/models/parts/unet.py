"""The levels of a UNet of diffusers, and the block between its ways in and out.

`diffusers.models.unets.unet_2d_blocks`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

from lora_cli.models.config import Config
from lora_cli.models.parts.layers import Node, Nodes, convolution, hollow, listed, repeat, under
from lora_cli.models.parts.unet_blocks import Common, residual, single_attention, transformer
from lora_cli.models.parts.unet_sizes import Level, Place

# The modules without parameters by which a residual block resizes an image.
RESIZERS = {"downsamplers": ("downsample", "downsample.conv"), "upsamplers": ("upsample",)}


class Kind(NamedTuple):
    """How a block attends, by transformers or by single attentions, if it does; and whether residual blocks resize."""

    attends: Literal["", "transformers", "singly"] = ""
    has_residual_resizing: bool = False


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


def side(config: Config, kinds: Iterable[Kind], places: Iterable[Place], common: Common, resizing: str) -> list[Nodes]:
    """Return the levels of one side, each of its kind, all but the last of which change the size of the image."""
    *changing, last = [
        (
            kind,
            place.inputs,
            place.level,
            _inside(config, kind, place, len(place.inputs)),
        )
        for kind, place in zip(kinds, places, strict=True)
    ]
    return [*(list(block(*each, common, resizing)) for each in changing), list(block(*last, common))]


def middle(config: Config, kind: Kind, attentions: int, innermost: Place, common: Common) -> Iterator[Node]:
    """Build the block between the way in and the way out, with so many attentions: a list of none is a list too."""
    sides = config.fields.get("only_cross_attention")
    only_text = config.flag("mid_block_only_cross_attention", default=sides if isinstance(sides, bool) else False)
    level = innermost.level._replace(sees_only_text=only_text and kind.attends == "singly")
    inside = _inside(config, kind, innermost, attentions)
    return under("mid_block", block(kind, [level.channels] * (1 + attentions), level, inside, common))


def _inside(config: Config, kind: Kind, place: Place, count: int) -> list[int]:
    """Return the layers of each of `count` attentions."""
    return place.depths(config, count) if count and kind.attends == "transformers" else [1] * count
