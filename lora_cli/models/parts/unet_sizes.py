"""The sizes of a UNet of diffusers: of each level on the way in, and what is kept of them for the way out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from lora_cli.errors import InvalidInput
from lora_cli.models.config import MAX_SIZE, Config

# More than any UNet has, and few enough to be built at once.
MOST_BLOCKS, MOST_LAYERS = 20, 200
LAYERS, REVERSED = "transformer_layers_per_block", "reverse_transformer_layers_per_block"


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


def transformer_layers(config: Config, count: int) -> tuple[list[object], list[object]]:
    """Return the layers of the transformers of each of the `count` levels, on the way in and on the way out.

    >>> transformer_layers(Config({"transformer_layers_per_block": [1, 2]}), 2)
    ([1, 2], [2, 1])
    """
    value, reverse = config.fields.get(LAYERS), config.items(REVERSED)
    inward = value if isinstance(value, list) else [1 if value is None else value] * count
    outward = inward[::-1] if reverse is None else reverse
    for name, layers in ((LAYERS, inward), (REVERSED, outward)):
        if len(layers) != count:
            raise config.wrong(name, f"a list of {count}, as long as down_block_types")
    return inward, outward


class Level(NamedTuple):
    """What the attentions of one level share. Where `sees_only_text`, none is to the image itself.

    attention_head_dim is the number of `heads` in a transformer, and the `head_width` of a single attention.
    """

    channels: int
    heads: int
    head_width: int
    context: int
    sees_only_text: bool


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
    return [Level(*each) for each in zip(channels, heads, heads, contexts, map(bool, flags), strict=True)]


class Place(NamedTuple):
    """A level on the way in or out: what its residual blocks take, and the `layers` of its transformers by a `field`."""

    level: Level
    inputs: list[int]
    layers: object
    field: str

    def depths(self, config: Config, count: int) -> list[int]:
        """Return the layers of each of its `count` transformers."""
        return depths(config, self.field, self.layers, count)


def ways(config: Config, count: int) -> tuple[list[Place], list[Place]]:
    """Return the levels on the way in, the outermost first, and those on the way out, the innermost first."""
    layers, layers_behind = transformer_layers(config, count)
    own, blocks = levels(config, count), sizes(config, "layers_per_block", default=2, count=count, most=MOST_BLOCKS)
    channels = [level.channels for level in own]
    # The width of a head goes by the order of the way in on the way out too.
    behind = [level._replace(head_width=same.head_width) for level, same in zip(own[::-1], own, strict=True)]
    inward = zip(own, down_inputs(channels, blocks), layers, strict=True)
    outward = zip(behind, up_inputs(channels, blocks)[::-1], layers_behind, strict=True)
    return [Place(*each, LAYERS) for each in inward], [Place(*each, REVERSED) for each in outward]
