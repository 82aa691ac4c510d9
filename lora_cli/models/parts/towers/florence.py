"""The tower of Florence 2, a DaViT: stages of blocks that attend to windows and then to channels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lora_cli.models.config import Config
from lora_cli.models.nodes import Hollow
from lora_cli.models.parts.feed_forward import ungated
from lora_cli.models.parts.layers import (
    Node,
    Nodes,
    Skeleton,
    buffer,
    convolution,
    embedding,
    hollow,
    linear,
    listed,
    norm,
    repeat,
    under,
)

WIDTHS = (128, 256, 512, 1024)
DEPTHS = (1, 1, 9, 1)
PATCHES = (7, 3, 3, 3)
NORMED_FIRST = (False, True, True, True)


def stages(config: Config, name: str, default: tuple[Any, ...]) -> list[Any]:
    """Return a field that has a value for each stage."""
    given = config.items(name)
    return list(default) if given is None else given


def sizes(config: Config, name: str, default: tuple[int, ...]) -> list[int]:
    """Return sizes, one for each stage."""
    values = stages(config, name, default)
    each = [Config({name: value}, config.source) for value in values]
    return [one.needed(name) for one in each]


def widths(config: Config) -> list[int]:
    """Return the width of each stage."""
    return sizes(config, "embed_dim", WIDTHS)


def _half(config: Config, d: int, attention: str) -> Iterator[Node]:
    inner = int(d * config.real("mlp_ratio", default=4.0))
    bias = config.flag("qkv_bias", default=True)
    mixers = {
        "1": under(attention, linear("qkv", d, 3 * d, bias=bias), linear("proj", d, d, bias=True)),
        "2": under("ffn", ungated(d, inner)),
    }
    for number, mixer in mixers.items():
        yield from convolution(f"conv{number}", d, d, 3, 3, groups=d)
        yield from norm(f"norm{number}", d, bias=True)
        yield from mixer
        yield from hollow(f"drop_path{number}")


def tower(config: Config) -> Skeleton:
    """Build `Florence2VisionBackbone`, which says of no module that it takes images."""
    width = widths(config)
    kernels = sizes(config, "patch_size", PATCHES)
    first = stages(config, "patch_prenorm", NORMED_FIRST)
    depths = sizes(config, "depths", DEPTHS)
    if not len(width) == len(kernels) == len(first) == len(depths):
        raise config.wrong("embed_dim", "as long as patch_size, patch_prenorm and depths")
    before = [config.size("in_channels", default=3), *width]
    joins: list[Nodes] = []
    blocks: list[Node] = [Hollow("blocks", is_list=True)]
    for index, d in enumerate(width):
        normed, kernel = before[index] if first[index] else d, kernels[index]
        joins.append([*convolution("conv", before[index], d, kernel, kernel), *norm("norm", normed, bias=True)])
        halves = (
            under("spatial_block", _half(config, d, "window_attn")),
            under("channel_block", _half(config, d, "channel_attn")),
        )
        blocks += repeat(f"blocks.{index}", depths[index], *halves)
    return Skeleton([*listed("convs", joins), *blocks])


def projector(name: str, tower: Config) -> Nodes:
    """Build `Florence2MultiModalProjector`, which places what is seen in an image and in time."""
    d = widths(tower)[-1]
    h = tower.size("projection_dim", default=1024)
    places = tower.size("max_position_embeddings", default=50)
    return under(
        name,
        linear("image_projection", d, h),
        norm("image_proj_norm", h, bias=True),
        embedding("image_position_embed.row_embeddings", places, d // 2),
        embedding("image_position_embed.column_embeddings", places, d - d // 2),
        buffer("visual_temporal_embed.pos_idx_to_embed", tower.size("max_temporal_embeddings", default=100), d),
    )
