"""PixArt-α and PixArt-Σ: `diffusers.models.transformers.pixart_transformer_2d`."""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.family import Component
from lora_cli.models.parts.diffusion import (
    FEED_FORWARDS,
    attention,
    feed_forward,
    nullable,
    out_channels,
    patches,
    single_norm,
    text_projection,
    width,
)
from lora_cli.models.parts.layers import Nodes, Skeleton, hollow, linear, parameter, plain_norm, repeat, under

ACTIVATION = "gelu-approximate"
# The size of images for which the class embeds their size.
SIZED = 128


def _block(config: Config, d: int) -> Nodes:
    """Build `BasicTransformerBlock` with the norms that all blocks share the modulation of."""
    bias, affine = config.flag("attention_bias", default=True), config.flag("norm_elementwise_affine", default=False)
    context = nullable(config, "cross_attention_dim", default=1152)
    return (
        *parameter("scale_shift_table", 6, d),
        *plain_norm("norm1", d, affine=affine),
        *under("attn1", attention(d, bias=bias)),
        *plain_norm("norm2", d, affine=affine),
        *(under("attn2", attention(d, context=context, bias=bias)) if context else ()),
        *feed_forward("ff", d, kind=config.text("activation_fn", default=ACTIVATION)),
    )


def build(config: Config) -> Skeleton:
    """Build `PixArtTransformer2DModel`."""
    if not nullable(config, "num_embeds_ada_norm", default=1000):
        raise config.wrong("num_embeds_ada_norm", "a size, although nothing has it")
    d, caption = width(config, heads=16, head=72), config.number("caption_channels", default=0)
    sized = config.flag("use_additional_conditions", default=config.size("sample_size", default=SIZED) == SIZED)
    size = config.size("patch_size", default=2) ** 2 * out_channels(config, inputs=4, default=8)
    return Skeleton(
        [
            *parameter("scale_shift_table", 2, d),
            *patches(config, "pos_embed", d, channels=4, patch=2),
            *repeat("transformer_blocks", config.layers("num_layers", default=28), _block(config, d)),
            *hollow("norm_out"),
            *linear("proj_out", d, size, bias=True),
            *single_norm("adaln_single", d, sized=sized),
            *(text_projection("caption_projection", caption, d) if caption else ()),
        ]
    )


COMPONENT = Component(
    "PixArtTransformer2DModel",
    build,
    {
        "norm_type": ("ada_norm_single",),
        "attention_type": ("default",),
        "activation_fn": (ACTIVATION, *FEED_FORWARDS),
    },
)
