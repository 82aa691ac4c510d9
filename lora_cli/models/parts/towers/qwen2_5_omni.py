"""The towers of Qwen2.5-Omni's thinker."""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.layers import Skeleton, convolution, embedding, hollow, linear, norm, repeat, under
from lora_cli.models.parts.towers.qwen import depth, merged, merger, patches, two_norms
from lora_cli.models.parts.towers.whisper_like import layers, renamed


def visual(config: Config) -> Skeleton:
    """Build `Qwen2_5OmniVisionEncoder`: that of Qwen2.5-VL with q, k and v apart."""
    d = config.size("hidden_size", default=3584)
    nodes = [
        *patches(config, d),
        *repeat(
            "blocks",
            depth(config, 32),
            two_norms(d, bias=False),
            under("attn", *(linear(name, d, d, bias=True) for name in ("q", "k", "v", "proj"))),
            under("mlp", gated(d, config.size("intermediate_size", default=3420), bias=True)),
        ),
        *merger(merged(config, d), config.size("out_hidden_size", default=3584), norm("ln_q", d)),
    ]
    return Skeleton(nodes)


def audio(config: Config) -> Skeleton:
    """Build `Qwen2_5OmniAudioEncoder`: Whisper's layers between convolutions and a projection."""
    config = renamed(config)
    d = config.size("d_model", default=1280)
    h = config.size("output_dim", default=3584)
    nodes = [
        *convolution("conv1", config.size("num_mel_bins", default=128), d, 3),
        *convolution("conv2", d, d, 3),
        *hollow("positional_embedding"),
        *embedding("audio_bos_eos_token", 2, h),
        *layers(config),
        *norm("ln_post", d, bias=True),
        *hollow("avg_pooler"),
        *linear("proj", d, h, bias=True),
    ]
    return Skeleton(nodes)
