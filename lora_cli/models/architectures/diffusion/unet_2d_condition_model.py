"""The UNet of Stable Diffusion and SDXL: `diffusers.models.unets.unet_2d_condition`."""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.family import Component
from lora_cli.models.parts.layers import Nodes, Skeleton, convolution, hollow, listed, under
from lora_cli.models.parts.unet import Common, Kind, block, group_norm, side
from lora_cli.models.parts.unet_conditions import ADDED, PROJECTED, conditions
from lora_cli.models.parts.unet_sizes import MOST_BLOCKS, Level, depths, down_inputs, levels, sizes, up_inputs

PLAIN, RESIDUAL = Kind(), Kind(has_residual_resizing=True)
WITH_TRANSFORMERS, SIMPLE = Kind("transformers"), Kind("singly", has_residual_resizing=True)
DOWN = {
    "CrossAttnDownBlock2D": WITH_TRANSFORMERS,
    "DownBlock2D": PLAIN,
    "ResnetDownsampleBlock2D": RESIDUAL,
    "SimpleCrossAttnDownBlock2D": SIMPLE,
}
UP = {
    "UpBlock2D": PLAIN,
    "CrossAttnUpBlock2D": WITH_TRANSFORMERS,
    "ResnetUpsampleBlock2D": RESIDUAL,
    "SimpleCrossAttnUpBlock2D": SIMPLE,
}
# With how many attentions: a list of none is a list too.
MIDDLE = {
    "UNetMidBlock2DCrossAttn": (WITH_TRANSFORMERS, 1),
    "UNetMidBlock2D": (WITH_TRANSFORMERS, 0),
    "UNetMidBlock2DSimpleCrossAttn": (SIMPLE, 1),
}
TIME_PARTS = {"default": 1, "scale_shift": 2}
LAYERS, REVERSED = "transformer_layers_per_block", "reverse_transformer_layers_per_block"


def _blocks(config: Config, common: Common) -> Nodes:
    """Build the levels on the way in and on the way out, and the block between them."""
    down = config.items("down_block_types") or [*["CrossAttnDownBlock2D"] * 3, "DownBlock2D"]
    up = config.items("up_block_types") or ["UpBlock2D", *["CrossAttnUpBlock2D"] * 3]
    count, value = len(down), config.fields.get(LAYERS) or 1
    deep = value if isinstance(value, list) else [value] * count
    deep_behind = config.items(REVERSED) or deep[::-1]
    for name, listed_here in (("up_block_types", up), (LAYERS, deep), (REVERSED, deep_behind)):
        if len(listed_here) != count:
            raise config.wrong(name, f"a list of {count}, as long as down_block_types")
    own, layers = levels(config, count), sizes(config, "layers_per_block", default=2, count=count, most=MOST_BLOCKS)
    channels = [level.channels for level in own]
    inward = zip([DOWN[kind] for kind in down], own, down_inputs(channels, layers), deep, strict=True)
    # Single attentions take attention_head_dim in the order of the way in on the way out too.
    out_kinds = [UP[kind] for kind in up]
    behind = [
        level._replace(heads=same.heads) if kind.attends == "singly" else level
        for kind, level, same in zip(out_kinds, own[::-1], own, strict=True)
    ]
    outward = zip(out_kinds, behind, up_inputs(channels, layers)[::-1], deep_behind, strict=True)
    return (
        *listed("down_blocks", side(config, LAYERS, inward, common, "downsamplers")),
        *listed("up_blocks", side(config, REVERSED, outward, common, "upsamplers")),
        *_middle(config, own[-1], deep[-1], common),
    )


def _middle(config: Config, level: Level, layers: object, common: Common) -> Nodes:
    """Build the block between the way in and the way out; null means that there is none."""
    missing = "mid_block_type" not in config.fields
    name = config.text("mid_block_type", default="UNetMidBlock2DCrossAttn" if missing else "")
    if not name:
        return ()
    kind, attentions = MIDDLE[name]
    sides = config.fields.get("only_cross_attention")
    only_text = config.flag("mid_block_only_cross_attention", default=sides if isinstance(sides, bool) else False)
    level = level._replace(sees_only_text=only_text and kind is SIMPLE)
    inside = depths(config, LAYERS, layers, 1) if attentions and kind is WITH_TRANSFORMERS else [1] * attentions
    return under("mid_block", block(kind, [level.channels] * (1 + len(inside)), level, inside, common))


def build(config: Config) -> Skeleton:
    """Build `UNet2DConditionModel`."""
    first = sizes(config, "block_out_channels", default=[320])[0]
    width = config.number("time_embedding_dim", default=0) or 4 * first
    common = Common(
        config.source,
        width * (1 + config.flag("class_embeddings_concat", default=False)),
        TIME_PARTS[config.text("resnet_time_scale_shift", default="default")],
        config.size("norm_num_groups", default=32),
        config.flag("use_linear_projection", default=False),
        config.text("cross_attention_norm", default=""),
    )
    kernel = [config.size(f"conv_{side}_kernel", default=3) for side in ("in", "out")]
    return Skeleton(
        [
            *convolution("conv_in", config.size("in_channels", default=4), first, kernel[0], kernel[0]),
            *conditions(config, first, width),
            *_blocks(config, common),
            *group_norm("conv_norm_out", first, common),
            *hollow("conv_act"),
            *convolution("conv_out", first, config.size("out_channels", default=4), kernel[1], kernel[1]),
        ]
    )


COMPONENT = Component(
    "UNet2DConditionModel",
    build,
    {
        "down_block_types": tuple(DOWN),
        "up_block_types": tuple(UP),
        "mid_block_type": (*MIDDLE, None),
        "resnet_time_scale_shift": tuple(TIME_PARTS),
        "num_attention_heads": (None,),
        "dual_cross_attention": (False,),
        "attention_type": ("default",),
        "time_embedding_type": ("positional",),
        "time_embedding_act_fn": (None,),
        "timestep_post_act": (None,),
        "class_embed_type": (None, "timestep", "projection"),
        "addition_embed_type": (None, *ADDED),
        "encoder_hid_dim_type": (None, *PROJECTED),
        "cross_attention_norm": (None, "layer_norm", "group_norm"),
    },
)
