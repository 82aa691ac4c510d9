"""HunyuanVideo: `diffusers.models.transformers.transformer_hunyuan_video`."""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.family import Component
from lora_cli.models.parts.diffusion import (
    attention,
    feed_forward,
    joint_block,
    modulated_norm,
    out_channels,
    share,
    single_block,
    time_and_text,
    width,
)
from lora_cli.models.parts.layers import Nodes, Skeleton, convolution, hollow, linear, norm, repeat, under


def _text(config: Config, d: int) -> Nodes:
    """Build `HunyuanVideoTokenRefiner`, a small transformer of the text alone."""
    text = config.size("text_embed_dim", default=4096)
    return (
        *time_and_text("time_text_embed", d, text),
        *linear("proj_in", text, d, bias=True),
        *repeat(
            "token_refiner.refiner_blocks",
            config.layers("num_refiner_layers", default=2),
            norm("norm1", d, bias=True),
            under("attn", attention(d)),
            norm("norm2", d, bias=True),
            feed_forward("ff", d, kind="linear-silu"),
            under("norm_out", linear("linear", d, 2 * d, bias=True), hollow("nonlinearity")),
        ),
    )


def build(config: Config) -> Skeleton:
    """Build `HunyuanVideoTransformer3DModel`; what starts from an image has the same parameters."""
    head, d = config.size("attention_head_dim", default=128), width(config, heads=24, head=128)
    inner = share(config, "mlp_ratio", d, default=4.0)
    side, frames = config.size("patch_size", default=2), config.size("patch_size_t", default=1)
    guided = config.flag("guidance_embeds", default=True)
    channels = config.size("in_channels", default=16)
    return Skeleton(
        [
            *convolution("x_embedder.proj", channels, d, frames, side, side),
            *under("context_embedder", _text(config, d)),
            *time_and_text("time_text_embed", d, config.size("pooled_projection_dim", default=768), guided=guided),
            *hollow("rope"),
            *repeat(
                "transformer_blocks",
                config.layers("num_layers", default=20),
                joint_block(d, head, inner=inner),
            ),
            *repeat(
                "single_transformer_blocks",
                config.layers("num_single_layers", default=40),
                single_block(d, head, inner),
            ),
            *modulated_norm("norm_out", d, 2),
            *linear("proj_out", d, frames * side**2 * out_channels(config, inputs=16, default=16), bias=True),
        ]
    )


COMPONENT = Component(
    "HunyuanVideoTransformer3DModel",
    build,
    {"qk_norm": ("rms_norm",), "image_condition_type": (None, "latent_concat", "token_replace")},
)
