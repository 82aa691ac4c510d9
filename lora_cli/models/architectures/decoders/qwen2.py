"""Qwen1.5, Qwen2 and Qwen2.5, dense and with experts: `transformers.models.qwen2` and `qwen2_moe`."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.errors import InvalidInput, quote
from lora_cli.models.config import Config
from lora_cli.models.parts.decoder import attention, classes, decoder, experts, gated, heads, size
from lora_cli.models.parts.layers import Node, Nodes, embedding, hollow, linear, listed, norm, under

hidden = size("hidden_size", 4096)
moe_hidden = size("hidden_size", 2048)
vocabulary = size("vocab_size", 151936)


def body(config: Config) -> Nodes:
    """Give `Qwen2Model`."""
    d = hidden(config)
    return decoder(
        vocabulary(config),
        d,
        config.layers("num_hidden_layers", default=32),
        under("self_attn", attention(d, *heads(config, d, count=32, groups=32), bias=True)),
        under("mlp", gated(d, config.size("intermediate_size", default=22016))),
        norm("input_layernorm", d),
        norm("post_attention_layernorm", d),
    )


def sparse_layers(config: Config, layers: int) -> list[bool]:
    """Say for each layer whether it has experts: every `decoder_sparse_step`th but the `mlp_only_layers`."""
    step = config.size("decoder_sparse_step", default=1)
    dense = config.items("mlp_only_layers") or []
    if not all(type(index) is int for index in dense):
        raise InvalidInput(f"{config.source}: mlp_only_layers is {quote(dense)}; it must be a list of whole numbers")
    left_out = set(dense)
    return [index not in left_out and (index + 1) % step == 0 for index in range(layers)]


def mixed(vocabulary: int, d: int, sparse: list[bool], block: Nodes, *, experts: Nodes, dense: Nodes) -> Iterator[Node]:
    """Give a decoder whose layers have the block in common, and either experts or a dense feed-forward."""
    common = [*block, *norm("input_layernorm", d), *norm("post_attention_layernorm", d)]
    blocks = {True: [*common, *under("mlp", experts)], False: [*common, *under("mlp", dense)]}
    yield from embedding("embed_tokens", vocabulary, d)
    yield from listed("layers", [blocks[has_experts] for has_experts in sparse])
    yield from norm("norm", d)
    yield from hollow("rotary_emb")


def moe_body(config: Config) -> Nodes:
    """Give `Qwen2MoeModel`."""
    d = moe_hidden(config)
    layers = config.layers("num_hidden_layers", default=24)
    count = config.number("num_experts", default=60)
    inner = config.size("moe_intermediate_size", default=1408)
    shared = config.size("shared_expert_intermediate_size", default=5632)
    bias = config.flag("qkv_bias", default=True)
    return mixed(
        vocabulary(config),
        d,
        sparse_layers(config, layers) if count else [False] * layers,
        under("self_attn", attention(d, *heads(config, d, count=16, groups=16), bias=bias)),
        experts=(
            *experts(d, inner, count),
            *under("shared_expert", gated(d, shared)),
            *linear("shared_expert_gate", d, 1),
        ),
        dense=gated(d, config.size("intermediate_size", default=5632)),
    )


CLASSES = {
    "qwen2": classes("Qwen2", body, hidden=hidden, vocabulary=vocabulary, questions_prefix="transformer"),
    "qwen2_moe": classes("Qwen2Moe", moe_body, hidden=moe_hidden, vocabulary=vocabulary),
}
