"""Qwen1.5 and Qwen2 with experts: `transformers.models.qwen2_moe`."""

from __future__ import annotations

from collections.abc import Sequence

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention, heads
from lora_cli.models.parts.decoder import classes
from lora_cli.models.parts.decoder_pass import SEES_ALL, rotated
from lora_cli.models.parts.experts import experts, mixed_decoder, shared_expert, sparse_layers
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.forward_pass import Body, Experts, FeedForward
from lora_cli.models.parts.layer_windows import layer_windows, optional_window
from lora_cli.models.parts.layers import Nodes
from lora_cli.models.parts.mixture_pass import softmax_router, windowed_body

hidden = size("hidden_size", 2048)
vocabulary = size("vocab_size", 151936)


def sparse(config: Config) -> list[bool]:
    """Return for each layer whether it has experts, of which there may be none."""
    layers = config.layers("num_hidden_layers", default=24)
    return sparse_layers(config, layers) if config.number("num_experts", default=60) else [False] * layers


def body(config: Config) -> Nodes:
    """Build `Qwen2MoeModel`."""
    d = hidden(config)
    count = config.number("num_experts", default=60)
    inner = config.size("moe_intermediate_size", default=1408)
    shared = config.size("shared_expert_intermediate_size", default=5632)
    bias = config.flag("qkv_bias", default=True)
    return mixed_decoder(
        vocabulary(config),
        d,
        sparse(config),
        attention(d, *heads(config, d, count=16, groups=16), bias=bias),
        experts=(*experts(d, inner, count), *shared_expert(d, shared)),
        dense=gated(d, config.size("intermediate_size", default=5632)),
    )


def forward(config: Config) -> Body:
    """Describe the pass through `Qwen2MoeModel`."""
    experts = Experts(
        softmax_router(config, default=4, normed=False),
        shared=FeedForward("shared_expert"),
        shared_gate="shared_expert_gate",
        shared_first=True,
    )
    attended = rotated(heads(config, hidden(config), count=16, groups=16), config)
    # The mask of a window is made even where no layer has one.
    window = (optional_window(config, 4096) or 0) if config.flag("use_sliding_window", default=False) else 0
    return windowed_body(
        config, attended, windows(config, window), sparse(config), experts, reaches=SEES_ALL | {(True, window)}
    )


def windows(config: Config, window: int) -> Sequence[int | None]:
    """Return how far each layer looks back: of the first layers every second one has the window, if there is one."""
    first, layers = config.number("max_window_layers", default=28), config.layers("num_hidden_layers", default=24)
    return layer_windows(config, layers, window, lambda index: window > 0 and index % 2 == 0 and index < first)


FAMILY = Family(
    "qwen2_moe",
    classes("Qwen2Moe", body, hidden=hidden, vocabulary=vocabulary),
    PromptSizes(hidden=2048, layers=24, heads=16, groups=16),
    forward=forward,
)
