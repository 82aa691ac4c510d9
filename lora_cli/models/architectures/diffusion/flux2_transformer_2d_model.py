"""FLUX.2: `diffusers.models.transformers.transformer_flux2`."""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.family import Component
from lora_cli.models.parts.diffusion import (
    head_norms,
    joint_attention,
    modulated_norm,
    out_channels,
    share,
    time_embedding,
    width,
)
from lora_cli.models.parts.layers import Nodes, Skeleton, hollow, linear, repeat, under


def _feed_forward(name: str, d: int, inner: int) -> Nodes:
    """Build `Flux2FeedForward`, whose first Linear has the gate as well."""
    return under(
        name, linear("linear_in", d, 2 * inner), hollow("act_fn", "act_fn.gate_fn"), linear("linear_out", inner, d)
    )


def _single(d: int, head: int, inner: int) -> Nodes:
    """Build `Flux2SingleTransformerBlock`: one Linear before attention and feed-forward part, and one behind."""
    return (
        *hollow("norm"),
        *under(
            "attn",
            linear("to_qkv_mlp_proj", d, 3 * d + 2 * inner),
            hollow("mlp_act_fn", "mlp_act_fn.gate_fn"),
            head_norms(head, "norm"),
            linear("to_out", d + inner, d),
        ),
    )


def build(config: Config) -> Skeleton:
    """Build `Flux2Transformer2DModel`, in which nothing has a bias, and all blocks share the modulation."""
    head, d = config.size("attention_head_dim", default=128), width(config, heads=48, head=128)
    inner, time = share(config, "mlp_ratio", d, default=3.0), config.size("timestep_guidance_channels", default=256)
    embedded = ["timestep_embedder", *["guidance_embedder"] * config.flag("guidance_embeds", default=True)]
    shared = {"double_stream_modulation_img": 6, "double_stream_modulation_txt": 6, "single_stream_modulation": 3}
    return Skeleton(
        [
            *hollow("pos_embed", "time_guidance_embed.time_proj"),
            *under("time_guidance_embed", *(time_embedding(name, d, d=time, bias=False) for name in embedded)),
            *(
                node
                for name, parts in shared.items()
                for node in under(name, linear("linear", d, parts * d), hollow("act_fn"))
            ),
            *linear("x_embedder", config.size("in_channels", default=128), d),
            *linear("context_embedder", config.size("joint_attention_dim", default=15360), d),
            *repeat(
                "transformer_blocks",
                config.layers("num_layers", default=8),
                hollow("norm1", "norm1_context"),
                joint_attention(d, head, bias=False),
                hollow("norm2", "norm2_context"),
                _feed_forward("ff", d, inner),
                _feed_forward("ff_context", d, inner),
            ),
            *repeat(
                "single_transformer_blocks",
                config.layers("num_single_layers", default=48),
                _single(d, head, inner),
            ),
            *modulated_norm("norm_out", d, 2, bias=False),
            *linear("proj_out", d, config.size("patch_size", default=1) ** 2 * out_channels(config, inputs=128)),
        ]
    )


COMPONENT = Component("Flux2Transformer2DModel", build)
