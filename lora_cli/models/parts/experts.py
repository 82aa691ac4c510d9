"""Mixtures of experts, and decoders in which only some layers have experts."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.errors import InvalidInput, quote
from lora_cli.models.config import Config
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.layers import Node, Nodes, embedding, hollow, linear, listed, norm, parameter, under


def experts(d: int, inner: int, count: int, *, router: str = "gate") -> Nodes:
    """Build a router and its experts, whose weights transformers fuses into one parameter each."""
    return (
        *parameter(f"{router}.weight", count, d),
        *parameter("experts.gate_up_proj", count, 2 * inner, d),
        *parameter("experts.down_proj", count, d, inner),
        *hollow("experts.act_fn"),
    )


def sparse_layers(config: Config, layers: int) -> list[bool]:
    """Return for each layer whether it has experts: every `decoder_sparse_step`th, but none of `mlp_only_layers`."""
    step = config.size("decoder_sparse_step", default=1)
    dense = config.items("mlp_only_layers") or []
    if not all(type(index) is int for index in dense):
        raise InvalidInput(f"{config.source}: mlp_only_layers is {quote(dense)}; it must be a list of whole numbers")
    left_out = set(dense)
    return [index not in left_out and (index + 1) % step == 0 for index in range(layers)]


def mixed_decoder(
    vocabulary: int, d: int, sparse: list[bool], block: Nodes, *, experts: Nodes, dense: Nodes
) -> Iterator[Node]:
    """Build a decoder whose layers share `block`, and have either `experts` or a `dense` feed-forward."""
    common = [*block, *norm("input_layernorm", d), *norm("post_attention_layernorm", d)]
    blocks = {True: [*common, *under("mlp", experts)], False: [*common, *under("mlp", dense)]}
    yield from embedding("embed_tokens", vocabulary, d)
    yield from listed("layers", [blocks[has_experts] for has_experts in sparse])
    yield from norm("norm", d)
    yield from hollow("rotary_emb")


def shared_expert(d: int, inner: int) -> Nodes:
    """Build the expert that every token takes, and its gate, as Qwen's mixtures have them."""
    return (*under("shared_expert", gated(d, inner)), *linear("shared_expert_gate", d, 1))
