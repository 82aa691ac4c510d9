"""SantaCoder and StarCoder 1: `transformers.models.gpt_bigcode`."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.errors import InvalidInput
from lora_cli.models.architectures.decoders.layer_norm.gpt2 import hidden, vocabulary
from lora_cli.models.config import Config
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.decoder import BUT_QUESTIONS, transformer_classes
from lora_cli.models.parts.layers import Node, Nodes, embedding, hollow, linear, norm, repeat, under


def is_shared(config: Config) -> bool:
    """Return whether all heads have one key and value."""
    return config.flag("multi_query", default=True)


def groups(config: Config) -> int:
    """Return the number of groups, for which the config class reads only the older name of the heads."""
    return 1 if is_shared(config) else config.size("n_head", default=12)


def block(config: Config) -> Iterator[Node]:
    """Build `GPTBigCodeBlock`: GPT-2's with Linears, and by default with one key and value for all heads."""
    d = hidden(config)
    width = config.share(d, "n_embd", config.size("num_attention_heads", "n_head", default=12), "n_head")
    shared = is_shared(config)
    inner = config.size("n_inner", default=4 * d)
    output = (*linear("c_proj", d, d, bias=True), *hollow("resid_dropout"))
    yield from norm("ln_1", d, bias=True)
    yield from under("attn", linear("c_attn", d, d + 2 * (width if shared else d), bias=True), output)
    yield from norm("ln_2", d, bias=True)
    if config.flag("add_cross_attention", default=False):
        if shared:
            raise InvalidInput(f"{config.source}: add_cross_attention is true; it needs multi_query to be false")
        inputs = linear("c_attn", d, 2 * d, bias=True), linear("q_attn", d, d, bias=True)
        yield from under("crossattention", *inputs, output)
        yield from norm("ln_cross_attn", d, bias=True)
    yield from under("mlp", linear("c_fc", d, inner, bias=True), linear("c_proj", inner, d, bias=True))
    yield from hollow("mlp.act", "mlp.dropout")


def body(config: Config) -> Nodes:
    """Build `GPTBigCodeModel`."""
    d = hidden(config)
    return [
        *embedding("wte", vocabulary(config), d),
        *embedding("wpe", config.size("max_position_embeddings", "n_positions", default=1024), d),
        *repeat("h", config.layers("num_hidden_layers", "n_layer", default=12), block(config)),
        *norm("ln_f", d, bias=True),
        *hollow("drop"),
    ]


FAMILY = Family(
    "gpt_bigcode",
    transformer_classes("GPTBigCode", body, hidden=hidden, vocabulary=vocabulary, tasks=BUT_QUESTIONS),
    PromptSizes(hidden=768, layers=12, heads=12, groups=groups),
    feed_forward="n_inner",
)
