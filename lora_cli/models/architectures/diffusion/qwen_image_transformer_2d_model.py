"""Qwen-Image and its editing models: `diffusers.models.transformers.transformer_qwenimage`."""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.family import Component
from lora_cli.models.parts.diffusion import (
    feed_forward,
    joint_attention,
    modulated_norm,
    modulation,
    out_channels,
    time_embedding,
    width,
)
from lora_cli.models.parts.layers import Nodes, Skeleton, embedding, hollow, linear, norm, repeat, under


def _side(prefix: str, d: int) -> Nodes:
    """Build what a block has for the image, or for the text."""
    return (
        *modulation(f"{prefix}_mod", d, 6),
        *hollow(f"{prefix}_norm1", f"{prefix}_norm2"),
        *feed_forward(f"{prefix}_mlp", d),
    )


def build(config: Config) -> Skeleton:
    """Build `QwenImageTransformer2DModel`."""
    head, d = config.size("attention_head_dim", default=128), width(config, heads=24, head=128)
    text = config.size("joint_attention_dim", default=3584)
    has_second_time = config.flag("use_additional_t_cond", default=False)
    return Skeleton(
        [
            *hollow("pos_embed"),
            *under(
                "time_text_embed",
                hollow("time_proj"),
                time_embedding("timestep_embedder", d),
                embedding("addition_t_embedding", 2, d) if has_second_time else (),
            ),
            *norm("txt_norm", text),
            *linear("img_in", config.size("in_channels", default=64), d, bias=True),
            *linear("txt_in", text, d, bias=True),
            *repeat(
                "transformer_blocks",
                config.layers("num_layers", default=60),
                _side("img", d),
                joint_attention(d, head),
                _side("txt", d),
            ),
            *modulated_norm("norm_out", d, 2),
            *linear(
                "proj_out",
                d,
                config.size("patch_size", default=2) ** 2 * out_channels(config, inputs=64, default=16),
                bias=True,
            ),
        ]
    )


COMPONENT = Component("QwenImageTransformer2DModel", build)
