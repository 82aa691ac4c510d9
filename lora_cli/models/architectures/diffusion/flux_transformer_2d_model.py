"""FLUX.1: `diffusers.models.transformers.transformer_flux`."""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.family import Component
from lora_cli.models.parts.diffusion import (
    joint_block,
    modulated_norm,
    out_channels,
    single_block,
    time_and_text,
    width,
)
from lora_cli.models.parts.layers import Skeleton, hollow, linear, repeat


def build(config: Config) -> Skeleton:
    """Build `FluxTransformer2DModel`."""
    head = config.size("attention_head_dim", default=128)
    d = width(config, heads=24, head=128)
    patch = config.size("patch_size", default=1)
    guided = config.flag("guidance_embeds", default=False)
    return Skeleton(
        [
            *hollow("pos_embed"),
            *time_and_text("time_text_embed", d, config.size("pooled_projection_dim", default=768), guided=guided),
            *linear("context_embedder", config.size("joint_attention_dim", default=4096), d, bias=True),
            *linear("x_embedder", config.size("in_channels", default=64), d, bias=True),
            *repeat("transformer_blocks", config.layers("num_layers", default=19), joint_block(d, head)),
            *repeat(
                "single_transformer_blocks",
                config.layers("num_single_layers", default=38),
                single_block(d, head, 4 * d),
            ),
            *modulated_norm("norm_out", d, 2),
            *linear("proj_out", d, patch**2 * out_channels(config, inputs=64), bias=True),
        ]
    )


COMPONENT = Component("FluxTransformer2DModel", build)
