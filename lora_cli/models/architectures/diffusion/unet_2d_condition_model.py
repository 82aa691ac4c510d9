"""The UNet of Stable Diffusion and SDXL: `diffusers.models.unets.unet_2d_condition`."""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.family import Component
from lora_cli.models.parts.diffusion import time_embedding
from lora_cli.models.parts.layers import Nodes, Skeleton, convolution, embedding, hollow, linear, listed, under
from lora_cli.models.parts.unet import (
    MOST_BLOCKS,
    Common,
    block,
    depths,
    down_inputs,
    group_norm,
    levels,
    side,
    sizes,
    up_inputs,
)

# Of each kind of block, whether it has transformers.
DOWN = {"CrossAttnDownBlock2D": True, "DownBlock2D": False}
UP = {"UpBlock2D": False, "CrossAttnUpBlock2D": True}
MIDDLE = {"UNetMidBlock2DCrossAttn": True, "UNetMidBlock2D": False, None: False}
TIME_PARTS = {"default": 1, "scale_shift": 2}
LAYERS, REVERSED = "transformer_layers_per_block", "reverse_transformer_layers_per_block"


def _time_and_classes(config: Config, first: int, width: int) -> Nodes:
    """Build what embeds the time step, a class, and the sizes and the text that SDXL adds."""
    condition = config.number("time_cond_proj_dim", default=0)
    classes = config.number("num_class_embeds", default=0)
    kind, added = config.text("class_embed_type", default=""), config.text("addition_embed_type", default="")
    inputs = config.needed("projection_class_embeddings_input_dim") if kind == "projection" or added else first
    hidden = config.number("encoder_hid_dim", default=0)
    context = config.size("cross_attention_dim", default=1280) if hidden else 0
    return (
        *hollow("time_proj"),
        *time_embedding("time_embedding", width, d=first),
        *(linear("time_embedding.cond_proj", condition, first) if condition else ()),
        *(linear("encoder_hid_proj", hidden, context, bias=True) if hidden else ()),
        *(embedding("class_embedding", classes, width) if classes and not kind else ()),
        *(time_embedding("class_embedding", width, d=inputs if kind == "projection" else first) if kind else ()),
        *((*hollow("add_time_proj"), *time_embedding("add_embedding", width, d=inputs)) if added else ()),
    )


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
    outward = zip([UP[kind] for kind in up], own[::-1], up_inputs(channels, layers)[::-1], deep_behind, strict=True)
    # Null means that there is none.
    missing = "mid_block_type" not in config.fields
    middle = config.text("mid_block_type", default="UNetMidBlock2DCrossAttn" if missing else "")
    last = own[-1]._replace(sees_only_text=False)
    inside = depths(config, LAYERS, deep[-1], 1) if MIDDLE[middle or None] else []
    return (
        *listed("down_blocks", side(config, LAYERS, inward, common, "downsamplers")),
        *listed("up_blocks", side(config, REVERSED, outward, common, "upsamplers")),
        *(under("mid_block", block([last.channels] * (1 + len(inside)), last, inside, common)) if middle else ()),
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
    )
    kernel = [config.size(f"conv_{side}_kernel", default=3) for side in ("in", "out")]
    return Skeleton(
        [
            *convolution("conv_in", config.size("in_channels", default=4), first, kernel[0], kernel[0]),
            *_time_and_classes(config, first, width),
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
        "mid_block_type": tuple(MIDDLE),
        "resnet_time_scale_shift": tuple(TIME_PARTS),
        "num_attention_heads": (None,),
        "dual_cross_attention": (False,),
        "attention_type": ("default",),
        "time_embedding_type": ("positional",),
        "time_embedding_act_fn": (None,),
        "timestep_post_act": (None,),
        "class_embed_type": (None, "timestep", "projection"),
        "addition_embed_type": (None, "text_time"),
        "encoder_hid_dim_type": (None, "text_proj"),
    },
)
