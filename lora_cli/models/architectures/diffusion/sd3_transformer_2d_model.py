"""Stable Diffusion 3 and 3.5: `diffusers.models.transformers.transformer_sd3`."""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.family import Component
from lora_cli.models.parts.diffusion import (
    added,
    attention,
    feed_forward,
    head_norms,
    modulated_norm,
    out_channels,
    patches,
    time_and_text,
    width,
)
from lora_cli.models.parts.layers import Nodes, Skeleton, buffer, hollow, linear, listed, under


def _block(d: int, head: int, *, has_norms: bool, is_dual: bool, is_last: bool) -> Nodes:
    """Build `JointTransformerBlock`: the last one has no use for what it would make of the text."""
    norms = head_norms(head, "norm") if has_norms else ()
    added_norms = head_norms(head, "norm_added") if has_norms else ()
    return [
        *modulated_norm("norm1", d, 9 if is_dual else 6),
        *modulated_norm("norm1_context", d, 2 if is_last else 6),
        *under("attn", attention(d), added(d, output=not is_last), norms, added_norms),
        *(under("attn2", attention(d), norms) if is_dual else ()),
        *hollow("norm2"),
        *feed_forward("ff", d),
        *(() if is_last else (*hollow("norm2_context"), *feed_forward("ff_context", d))),
    ]


def build(config: Config) -> Skeleton:
    """Build `SD3Transformer2DModel`."""
    head, d = config.size("attention_head_dim", default=64), width(config, heads=18, head=64)
    layers, positions = config.layers("num_layers", default=18), config.number("pos_embed_max_size", default=96)
    dual = config.items("dual_attention_layers") or []
    has_norms = bool(config.text("qk_norm", default=""))
    blocks = (
        _block(d, head, has_norms=has_norms, is_dual=index in dual, is_last=index == layers - 1)
        for index in range(layers)
    )
    caption = config.size("caption_projection_dim", default=1152)
    return Skeleton(
        [
            *patches(config, "pos_embed", d, channels=16, patch=2),
            *(buffer("pos_embed.pos_embed", 1, positions**2, d) if positions else ()),
            *time_and_text("time_text_embed", d, config.size("pooled_projection_dim", default=2048)),
            *linear("context_embedder", config.size("joint_attention_dim", default=4096), caption, bias=True),
            *listed("transformer_blocks", blocks),
            *modulated_norm("norm_out", d, 2),
            *linear(
                "proj_out",
                d,
                config.size("patch_size", default=2) ** 2 * out_channels(config, inputs=16, default=16),
                bias=True,
            ),
        ]
    )


COMPONENT = Component("SD3Transformer2DModel", build, {"qk_norm": (None, "rms_norm")})
