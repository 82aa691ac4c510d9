"""Phi-3.5-MoE: `transformers.models.phimoe`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import biased, heads
from lora_cli.models.parts.decoder import TASKS, classes, decoder
from lora_cli.models.parts.experts import experts
from lora_cli.models.parts.layers import Nodes, linear, norm, under

hidden = size("hidden_size", 4096)
vocabulary = size("vocab_size", 32064)


def body(config: Config) -> Nodes:
    """Build `PhimoeModel`, whose router is a Linear and whose norms are LayerNorms."""
    d = hidden(config)
    inner = config.size("intermediate_size", default=6400)
    count = config.size("num_local_experts", default=16)
    return decoder(
        vocabulary(config),
        d,
        config.layers("num_hidden_layers", default=32),
        under("self_attn", biased(config, d, heads(config, d, count=32, groups=8))),
        under("mlp", experts(d, inner, count, router=linear("router", d, count))),
        norm("input_layernorm", d, bias=True),
        norm("post_attention_layernorm", d, bias=True),
        final=norm("norm", d, bias=True),
    )


FAMILY = Family(
    "phimoe",
    classes(
        "Phimoe",
        body,
        hidden=hidden,
        vocabulary=vocabulary,
        head_bias=lambda config: config.flag("lm_head_bias", default=False),
        tasks=TASKS[:3],
    ),
    PromptSizes(hidden=4096, layers=32, heads=32, groups=8),
)
