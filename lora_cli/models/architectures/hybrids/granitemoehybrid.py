"""Granite 4, Mamba-2 and attention with experts in every layer or in none: `transformers.models.granitemoehybrid`."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention, heads
from lora_cli.models.parts.decoder import CAUSAL_OR_BARE, classes
from lora_cli.models.parts.experts import experts
from lora_cli.models.parts.hybrid import layered_decoder
from lora_cli.models.parts.layer_types import ATTENTION, STATE, layer_kinds
from lora_cli.models.parts.layers import Node, Nodes, hollow, linear, norm, under
from lora_cli.models.parts.state_space import hybrid_mamba2

hidden = size("hidden_size", 4096)
vocabulary = size("vocab_size", 32000)


def feed_forward(config: Config, d: int) -> Iterator[Node]:
    """Build the experts, if there are any, and the feed-forward that every token takes, whose gate and up are one."""
    count = config.number("num_local_experts", default=8)
    inner = config.size("intermediate_size", default=11008)
    shared = config.size("shared_intermediate_size", default=1024)
    yield from under("block_sparse_moe", experts(d, inner, count, router="router")) if count else ()
    yield from under(
        "shared_mlp",
        hollow("activation"),
        linear("input_linear", d, 2 * shared),
        linear("output_linear", shared, d),
    )


def kinds(config: Config) -> list[str]:
    """Return the kind of each layer."""
    layers = config.layers("num_hidden_layers", default=32)
    return layer_kinds(config, "layers_block_type", "layer_types", layers=layers, default=lambda _: STATE)


def body(config: Config) -> Nodes:
    """Build `GraniteMoeHybridModel`, which has rotary positions only where `position_embedding_type` says so."""
    d = hidden(config)
    bias = config.flag("attention_bias", default=False)
    shape = heads(config, d, count=32, empty=True)
    common = [*norm("input_layernorm", d), *norm("post_attention_layernorm", d), *feed_forward(config, d)]
    mixers = {
        STATE: under("mamba", hybrid_mamba2(config, d, config.size("mamba_expand", default=2) * d)),
        ATTENTION: under("self_attn", attention(d, *shape, bias=bias, output_bias=bias)),
    }
    blocks = {kind: [*common, *mixer] for kind, mixer in mixers.items()}
    rotary = "rotary_emb" if config.text("position_embedding_type", default="") == "rope" else None
    return layered_decoder(vocabulary(config), d, [blocks[kind] for kind in kinds(config)], rotary=rotary)


FAMILY = Family(
    "granitemoehybrid",
    classes("GraniteMoeHybrid", body, hidden=hidden, vocabulary=vocabulary, tasks=CAUSAL_OR_BARE),
    PromptSizes(hidden=4096, layers=32, heads=32, groups="heads"),
    filled={"layer_types": kinds, "layers_block_type": lambda _: None},
)
