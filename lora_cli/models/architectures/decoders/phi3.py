"""Phi 3, 3.5 and 4: `transformers.models.phi3`."""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.parts.decoder import BUT_QUESTIONS, classes, decoder, heads, size
from lora_cli.models.parts.layers import Nodes, hollow, linear, norm, under

hidden = size("hidden_size", 3072)
vocabulary = size("vocab_size", 32064)


def fused_gated(d: int, inner: int) -> Nodes:
    """Give a gated feed-forward with gate and up in one."""
    return (*linear("gate_up_proj", d, 2 * inner), *linear("down_proj", inner, d), *hollow("activation_fn"))


def body(config: Config) -> Nodes:
    """Give `Phi3Model`, whose q, k and v are one projection."""
    d = hidden(config)
    count, groups, width = heads(config, d, count=32)
    return decoder(
        vocabulary(config),
        d,
        config.layers("num_hidden_layers", default=32),
        under("self_attn", linear("o_proj", count * width, d), linear("qkv_proj", d, (count + 2 * groups) * width)),
        under("mlp", fused_gated(d, config.size("intermediate_size", default=8192))),
        norm("input_layernorm", d),
        norm("post_attention_layernorm", d),
        hollow("resid_attn_dropout", "resid_mlp_dropout"),
    )


CLASSES = {"phi3": classes("Phi3", body, hidden=hidden, vocabulary=vocabulary, tasks=BUT_QUESTIONS)}
