"""Qwen3, dense and with experts: `transformers.models.qwen3` and `qwen3_moe`."""

from __future__ import annotations

from lora_cli.models.architectures.decoders.qwen2 import mixed, sparse_layers
from lora_cli.models.config import Config
from lora_cli.models.parts.decoder import attention, classes, decoder, experts, gated, heads, size
from lora_cli.models.parts.layers import Nodes, norm, under

hidden = size("hidden_size", 4096)
moe_hidden = size("hidden_size", 2048)
vocabulary = size("vocab_size", 151936)


def normed_attention(config: Config, d: int, shape: tuple[int, int, int]) -> Nodes:
    """Give an attention that norms each head of q and k."""
    bias = config.flag("attention_bias", default=False)
    width = shape[-1]
    parts = attention(d, *shape, bias=bias, output_bias=bias), norm("q_norm", width), norm("k_norm", width)
    return under("self_attn", *parts)


def body(config: Config) -> Nodes:
    """Give `Qwen3Model`."""
    d = hidden(config)
    return decoder(
        vocabulary(config),
        d,
        config.layers("num_hidden_layers", default=32),
        normed_attention(config, d, heads(config, d, count=32, groups=32, width=128)),
        under("mlp", gated(d, config.size("intermediate_size", default=22016))),
        norm("input_layernorm", d),
        norm("post_attention_layernorm", d),
    )


def moe_body(config: Config) -> Nodes:
    """Give `Qwen3MoeModel`."""
    d = moe_hidden(config)
    layers = config.layers("num_hidden_layers", default=24)
    # num_local_experts is what transformers keeps num_experts as, and set after it.
    count = config.number("num_local_experts", "num_experts", default=128)
    return mixed(
        vocabulary(config),
        d,
        sparse_layers(config, layers) if count else [False] * layers,
        normed_attention(config, d, heads(config, d, count=32, groups=4)),
        experts=experts(d, config.size("moe_intermediate_size", default=768), count),
        dense=gated(d, config.size("intermediate_size", default=6144)),
    )


CLASSES = {
    "qwen3": classes("Qwen3", body, hidden=hidden, vocabulary=vocabulary, questions_prefix="transformer"),
    "qwen3_moe": classes(
        "Qwen3Moe", moe_body, hidden=moe_hidden, vocabulary=vocabulary, questions_prefix="transformer"
    ),
}
