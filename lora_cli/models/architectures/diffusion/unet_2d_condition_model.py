"""The UNet of Stable Diffusion and SDXL: `diffusers.models.unets.unet_2d_condition`."""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.family import Component
from lora_cli.models.parts.layers import Nodes, Skeleton, convolution, hollow, listed
from lora_cli.models.parts.unet import Kind, middle, side
from lora_cli.models.parts.unet_blocks import TIME_PARTS, Common, group_norm
from lora_cli.models.parts.unet_conditions import ADDED, BOXES, CLASSES, PROJECTED, boxes, conditions
from lora_cli.models.parts.unet_sizes import sizes, ways

PLAIN, RESIDUAL = Kind(), Kind(has_residual_resizing=True)
WITH_TRANSFORMERS, SIMPLE = Kind("transformers"), Kind("singly", has_residual_resizing=True)
KINDS = {
    "CrossAttn{}Block2D": WITH_TRANSFORMERS,
    "{}Block2D": PLAIN,
    "Resnet{}sampleBlock2D": RESIDUAL,
    "SimpleCrossAttn{}Block2D": SIMPLE,
}
DOWN, UP = ({name.format(way): kind for name, kind in KINDS.items()} for way in ("Down", "Up"))
# With how many attentions.
MIDDLE = {
    "UNetMidBlock2DCrossAttn": (WITH_TRANSFORMERS, 1),
    "UNetMidBlock2D": (WITH_TRANSFORMERS, 0),
    "UNetMidBlock2DSimpleCrossAttn": (SIMPLE, 1),
}


def _blocks(config: Config, common: Common) -> Nodes:
    """Build the levels on the way in and on the way out, and the block between them."""
    down = config.items("down_block_types") or [*["CrossAttnDownBlock2D"] * 3, "DownBlock2D"]
    up = config.items("up_block_types") or ["UpBlock2D", *["CrossAttnUpBlock2D"] * 3]
    count = len(down)
    if len(up) != count:
        raise config.wrong("up_block_types", f"a list of {count}, as long as down_block_types")
    inward, outward = ways(config, count)
    # Null means that there is no block between them.
    missing = "mid_block_type" not in config.fields
    between = config.text("mid_block_type", default="UNetMidBlock2DCrossAttn" if missing else "")
    return (
        *listed("down_blocks", side(config, [DOWN[name] for name in down], inward, common, "downsamplers")),
        *listed("up_blocks", side(config, [UP[name] for name in up], outward, common, "upsamplers")),
        *(middle(config, *MIDDLE[between], inward[-1], common) if between else ()),
    )


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
        config.text("attention_type", default="default") in BOXES,
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
            *boxes(config),
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
        "attention_type": ("default", *BOXES),
        "time_embedding_type": ("positional",),
        "time_embedding_act_fn": (None,),
        "timestep_post_act": (None,),
        "class_embed_type": (None, *CLASSES),
        "addition_embed_type": (None, *ADDED),
        "encoder_hid_dim_type": (None, *PROJECTED),
        "cross_attention_norm": (None, "layer_norm", "group_norm"),
    },
)
