"""Qwen3-Next, gated delta nets and attention with experts: `transformers.models.qwen3_next`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import heads
from lora_cli.models.parts.decoder import classes
from lora_cli.models.parts.experts import experts, shared_expert, sparse_layers
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.hybrid import kinds_by_interval, layered_decoder
from lora_cli.models.parts.layer_types import ATTENTION, STATE
from lora_cli.models.parts.layers import Node, Nodes, linear, norm, under
from lora_cli.models.parts.state_space import gated_delta_net

hidden = size("hidden_size", 2048)
vocabulary = size("vocab_size", 151936)
kinds = kinds_by_interval(48)


def gated_attention(config: Config, d: int, *, groups: int) -> Iterator[Node]:
    """Build attention with a gate for each output, which q_proj returns beside the queries."""
    count, groups, width = heads(config, d, count=16, groups=groups, width=256)
    bias = config.flag("attention_bias", default=False)
    yield from linear("q_proj", d, 2 * count * width, bias=bias)
    yield from linear("k_proj", d, groups * width, bias=bias)
    yield from linear("v_proj", d, groups * width, bias=bias)
    yield from linear("o_proj", count * width, d, bias=bias)
    yield from norm("q_norm", width)
    yield from norm("k_norm", width)


def mixture(config: Config, d: int, count: int) -> Nodes:
    """Build `count` experts and the one that every token takes."""
    inner = config.size("moe_intermediate_size", default=512)
    return (*experts(d, inner, count), *shared_expert(d, config.size("shared_expert_intermediate_size", default=512)))


def delta_net_decoder(
    config: Config,
    vocabulary: int,
    d: int,
    kinds: list[str],
    feed_forwards: Iterable[Nodes],
    *,
    groups: int,
    split: bool = True,
) -> Nodes:
    """Build the body around the kind and the feed-forward of each layer; `groups` are the default groups of heads."""
    mixers = {
        STATE: list(under("linear_attn", gated_delta_net(config, d, split=split))),
        ATTENTION: list(under("self_attn", gated_attention(config, d, groups=groups))),
    }
    norms = (*norm("input_layernorm", d), *norm("post_attention_layernorm", d))
    blocks = ([*mixers[kind], *under("mlp", part), *norms] for kind, part in zip(kinds, feed_forwards, strict=True))
    return layered_decoder(vocabulary, d, blocks)


def body(config: Config) -> Nodes:
    """Build `Qwen3NextModel`."""
    d, each = hidden(config), kinds(config)
    count = config.number("num_experts", default=512)
    sparse = sparse_layers(config, len(each)) if count else [False] * len(each)
    feed_forwards = {True: mixture(config, d, count), False: gated(d, config.size("intermediate_size", default=5632))}
    parts = [feed_forwards[has_experts] for has_experts in sparse]
    return delta_net_decoder(config, vocabulary(config), d, each, parts, groups=2, split=False)


FAMILY = Family(
    "qwen3_next",
    classes("Qwen3Next", body, hidden=hidden, vocabulary=vocabulary, questions_prefix="transformer"),
    PromptSizes(hidden=2048, layers=48, heads=16, groups=2, head_width=256),
    filled={"layer_types": kinds},
)
