"""RWKV 4, attention as a recurrence: `transformers.models.rwkv`."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.layers import (
    Node,
    Nodes,
    Skeleton,
    embedding,
    hollow,
    linear,
    listed,
    norm,
    parameter,
    under,
)

hidden = size("hidden_size", 4096)
vocabulary = size("vocab_size", 50277)


def attention_width(config: Config) -> int:
    """Return the width of time mixing."""
    return config.size("attention_hidden_size", default=hidden(config))


def feed_forward_width(config: Config) -> int:
    """Return the hidden units of channel mixing."""
    return config.size("intermediate_size", default=4 * hidden(config))


def mixing(d: int, *names: str) -> Nodes:
    """Build the shift by a token, and for each name the share of the token before."""
    return (*hollow("time_shift"), *(node for name in names for node in parameter(f"time_mix_{name}", 1, 1, d)))


def attention(config: Config, d: int) -> Nodes:
    """Build `RwkvSelfAttention`."""
    width = attention_width(config)
    return (
        *parameter("time_decay", width),
        *parameter("time_first", width),
        *mixing(d, "key", "value", "receptance"),
        *(node for name in ("key", "value", "receptance") for node in linear(name, d, width)),
        *linear("output", width, d),
    )


def feed_forward(config: Config, d: int) -> Nodes:
    """Build `RwkvFeedForward`."""
    inner = feed_forward_width(config)
    mixed = mixing(d, "key", "receptance")
    return (*mixed, *linear("key", d, inner), *linear("receptance", d, d), *linear("value", inner, d))


def body(config: Config) -> Iterator[Node]:
    """Build `RwkvModel`, whose first block has a norm more."""
    d = hidden(config)
    block = [
        *norm("ln1", d, bias=True),
        *norm("ln2", d, bias=True),
        *under("attention", attention(config, d)),
        *under("feed_forward", feed_forward(config, d)),
    ]
    layers = config.layers("num_hidden_layers", default=32)
    yield from embedding("embeddings", vocabulary(config), d)
    yield from listed("blocks", ([*(() if index else norm("pre_ln", d, bias=True)), *block] for index in range(layers)))
    yield from norm("ln_out", d, bias=True)


def bare(config: Config) -> Skeleton:
    """Build `RwkvModel` by itself."""
    return Skeleton(body(config), embeddings="embeddings")


def causal(config: Config) -> Skeleton:
    """Build `RwkvForCausalLM`."""
    tied = config.flag("tie_word_embeddings", default=False)
    ties = {"head.weight": "rwkv.embeddings.weight"} if tied else {}
    nodes = [*under("rwkv", body(config)), *linear("head", hidden(config), vocabulary(config))]
    return Skeleton(nodes, ties, "head", "rwkv.embeddings")


FAMILY = Family(
    "rwkv",
    {"RwkvForCausalLM": causal, "RwkvModel": bare},
    PromptSizes(hidden=4096, layers=32, heads=None),
    filled={"attention_hidden_size": attention_width, "intermediate_size": feed_forward_width},
)
