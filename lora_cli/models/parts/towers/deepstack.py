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


def stacks(config: Config) -> int:
    """Return how many layers have a merger of their own."""
    listed = config.items("deepstack_visual_indexes")
    return 3 if listed is None else len(listed)


def stacked(config: Config) -> Skeleton:
    """Build `Qwen3VLVisionModel`, in which some layers have a merger of their own."""
    d = config.size("hidden_size", default=1152)
    wide, h = merged(config, d), config.size("out_hidden_size", default=3584)
    return Skeleton([*tower(config).nodes, *repeat("deepstack_merger_list", stacks(config), _merger(wide, h, wide))])


def blocks(config: Config, d: int) -> Nodes:
    """Build the patches with learned positions, and the layers."""
    positions = embedding("pos_embed", config.size("num_position_embeddings", default=2304), d)
    return [
        *patches(config, d, patch=16, bias=True, positions=positions),
        *repeat(
            "blocks",
            depth(config, 27),
            two_norms(d, bias=True),
            attention(config, d),
            under("mlp", numbered(d, config.size("intermediate_size", default=4304))),
        ),
    ]


def tower(config: Config) -> Skeleton:
    """Build `Qwen3_5VisionModel`; as `Qwen3VLVisionModel` it does not say which module takes images."""
    d = config.size("hidden_size", default=1152)
    wide, h = merged(config, d), config.size("out_hidden_size", default=3584)
    return Skeleton([*blocks(config, d), *under("merger", _merger(wide, h, d))])
