"""The towers of Qwen3-VL and its kin, some of whose layers are merged for themselves."""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.parts.layers import Nodes, Skeleton, embedding, hollow, linear, norm, repeat, under
from lora_cli.models.parts.towers.qwen import attention, depth, merged, numbered, patches, two_norms


def _merger(wide: int, h: int, normed: int) -> Nodes:
    return [
        *norm("norm", normed, bias=True),
        *linear("linear_fc1", wide, wide, bias=True),
        *hollow("act_fn"),
        *linear("linear_fc2", wide, h, bias=True),
    ]


def stacked(config: Config) -> Skeleton:
    """Build `Qwen3VLVisionModel`, in which some layers have a merger of their own."""
    listed = config.items("deepstack_visual_indexes")
    return tower(config, stacks=3 if listed is None else len(listed))


def tower(config: Config, *, stacks: int | None = None) -> Skeleton:
    """Build `Qwen3_5VisionModel`, or with a number of `stacks` `Qwen3VLVisionModel`; neither says which module takes images."""
    d = config.size("hidden_size", default=1152)
    wide, h = merged(config, d), config.size("out_hidden_size", default=3584)
    positions = embedding("pos_embed", config.size("num_position_embeddings", default=2304), d)
    nodes = [
        *patches(config, d, patch=16, bias=True, positions=positions),
        *repeat(
            "blocks",
            depth(config, 27),
            two_norms(d, bias=True),
            attention(config, d),
            under("mlp", numbered(d, config.size("intermediate_size", default=4304))),
        ),
        *under("merger", _merger(wide, h, d)),
        *(() if stacks is None else repeat("deepstack_merger_list", stacks, _merger(wide, h, wide))),
    ]
    return Skeleton(nodes)
