"""Megatron's layers, whose q, k and v are one Linear: BLOOM, Falcon, GPT-NeoX and Persimmon have them."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.models.parts.forward_pass import Attention, FeedForward, plain
from lora_cli.models.parts.layers import Node, linear, under


def attention(name: str, d: int, outputs: int, *, bias: bool) -> Iterator[Node]:
    """Build attention below `name`, with `outputs` for q, k and v together."""
    return under(name, linear("query_key_value", d, outputs, bias=bias), linear("dense", d, d, bias=bias))


def attention_pass(name: str, heads: int, groups: int, width: int) -> Attention:
    """Describe the pass through it: `heads` and `groups` of `width` each."""
    return Attention(heads, groups, width, name, ("query_key_value",), "dense")


def feed_forward(d: int, inner: int, *, bias: bool) -> Iterator[Node]:
    """Build the feed-forward, which has no gate."""
    return under("mlp", linear("dense_h_to_4h", d, inner, bias=bias), linear("dense_4h_to_h", inner, d, bias=bias))


def feed_forward_pass(activation: str) -> FeedForward:
    """Describe the pass through it."""
    return plain("mlp", "dense_h_to_4h", "dense_4h_to_h", activation)
