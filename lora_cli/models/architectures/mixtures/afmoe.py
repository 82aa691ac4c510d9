"""Arcee's Trinity: `transformers.models.afmoe`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention_with_head_norms, heads
from lora_cli.models.parts.decoder import TASKS, classes, layered_decoder
from lora_cli.models.parts.experts import dense_first, experts, mixed_blocks
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.layers import Nodes, linear, norm, parameter, under

hidden = size("hidden_size", 2048)
vocabulary = size("vocab_size", 200192)
NORMS = ("input_layernorm", "post_attention_layernorm", "pre_mlp_layernorm", "post_mlp_layernorm")


def mixture(config: Config, d: int) -> Nodes:
    """Build `AfmoeSparseMoeBlock`, whose router is a Linear and its correction a parameter beside it."""
    count = config.size("num_experts", default=64)
    inner = config.size("moe_intermediate_size", default=1408)
    shared = config.number("num_shared_experts", default=2)
    return (
        *experts(d, inner, count, router=linear("router.gate", d, count)),
        *under("shared_experts", gated(d, shared * inner)),
        *parameter("expert_bias", count),
    )


def body(config: Config) -> Nodes:
    """Build `AfmoeModel`, whose attention has a gate."""
    d = hidden(config)
    shape = count, _, width = heads(config, d, count=16, width=128)
    blocks = mixed_blocks(
        dense_first(config, config.layers("num_hidden_layers", default=32), dense=1, name="num_dense_layers"),
        under("self_attn", attention_with_head_norms(config, d, shape), linear("gate_proj", d, count * width)),
        *(norm(name, d) for name in NORMS),
        experts=mixture(config, d),
        dense=gated(d, config.size("intermediate_size", default=6144)),
    )
    return layered_decoder(vocabulary(config), d, blocks)


FAMILY = Family(
    "afmoe",
    classes("Afmoe", body, hidden=hidden, vocabulary=vocabulary, tasks=TASKS[:2]),
    PromptSizes(hidden=2048, layers=32, heads=16, groups="heads", head_width=128),
)
