"""Sana and Sana Sprint: `diffusers.models.transformers.sana_transformer`."""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.family import Component
from lora_cli.models.parts.diffusion import (
    attention,
    head_norms,
    nullable,
    out_channels,
    patches,
    share,
    single_norm,
    text_projection,
    time_embedding,
    width,
)
from lora_cli.models.parts.layers import (
    Nodes,
    Skeleton,
    convolution,
    hollow,
    linear,
    norm,
    parameter,
    plain_norm,
    repeat,
    under,
)


def _block(config: Config, d: int) -> Nodes:
    """Build `SanaTransformerBlock`, whose feed-forward block consists of convolutions."""
    is_normed = bool(config.text("qk_norm", default=""))
    bias = config.flag("attention_bias", default=False)
    context = nullable(config, "cross_attention_dim", default=2240)
    heads = config.size("num_cross_attention_heads", default=20)
    crossing = heads * config.size("cross_attention_head_dim", default=112)
    affine = config.flag("norm_elementwise_affine", default=False)
    inner = share(config, "mlp_ratio", d, default=2.5)
    second = (
        *plain_norm("norm2", d, affine=affine),
        *under("attn2", attention(d, crossing, context=context), head_norms(crossing, "norm") if is_normed else ()),
    )
    return (
        *parameter("scale_shift_table", 6, d),
        *hollow("norm1"),
        *under("attn1", attention(d, bias=bias), head_norms(d, "norm") if is_normed else ()),
        *(second if context else ()),
        *under(
            "ff",
            hollow("nonlinearity"),
            convolution("conv_inverted", d, 2 * inner, 1, 1),
            convolution("conv_depth", 2 * inner, 2 * inner, 3, 3, groups=2 * inner),
            convolution("conv_point", inner, d, 1, 1, bias=False),
        ),
    )


def _time_and_guidance(d: int) -> Nodes:
    return under(
        "time_embed",
        hollow("time_proj", "guidance_condition_proj"),
        time_embedding("timestep_embedder", d),
        time_embedding("guidance_embedder", d),
        hollow("silu"),
        linear("linear", d, 6 * d, bias=True),
    )


def build(config: Config) -> Skeleton:
    """Build `SanaTransformer2DModel`, which has positions only with an `interpolation_scale`."""
    d = width(config, heads=70, head=32)
    has_positions = config.fields.get("interpolation_scale") is not None
    size = config.size("patch_size", default=1) ** 2 * out_channels(config, inputs=32, default=32)
    return Skeleton(
        [
            *parameter("scale_shift_table", 2, d),
            *patches(config, "patch_embed", d, channels=32, patch=1, has_positions=has_positions),
            *(_time_and_guidance(d) if config.flag("guidance_embeds", default=False) else single_norm("time_embed", d)),
            *text_projection("caption_projection", config.size("caption_channels", default=2304), d),
            *norm("caption_norm", d),
            *repeat("transformer_blocks", config.layers("num_layers", default=20), _block(config, d)),
            *hollow("norm_out.norm"),
            *linear("proj_out", d, size, bias=True),
        ]
    )


COMPONENT = Component("SanaTransformer2DModel", build, {"qk_norm": (None, "rms_norm_across_heads")})
