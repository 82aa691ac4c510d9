"""Qwen1.5 and Qwen2 with experts: `transformers.models.qwen2_moe`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention, heads
from lora_cli.models.parts.decoder import classes
from lora_cli.models.parts.experts import experts, mixed_decoder, shared_expert, sparse_layers
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.layers import Nodes, under

hidden = size("hidden_size", 2048)
vocabulary = size("vocab_size", 151936)


def body(config: Config) -> Nodes:
    """Build `Qwen2MoeModel`."""
    d = hidden(config)
    layers = config.layers("num_hidden_layers", default=24)
    count = config.number("num_experts", default=60)
    inner = config.size("moe_intermediate_size", default=1408)
    shared = config.size("shared_expert_intermediate_size", default=5632)
    bias = config.flag("qkv_bias", default=True)
    return mixed_decoder(
        vocabulary(config),
        d,
        sparse_layers(config, layers) if count else [False] * layers,
        under("self_attn", attention(d, *heads(config, d, count=16, groups=16), bias=bias)),
        experts=(*experts(d, inner, count), *shared_expert(d, shared)),
        dense=gated(d, config.size("intermediate_size", default=5632)),
    )


FAMILY = Family(
    "qwen2_moe",
    classes("Qwen2Moe", body, hidden=hidden, vocabulary=vocabulary),
    PromptSizes(hidden=2048, layers=24, heads=16, groups=16),
)
