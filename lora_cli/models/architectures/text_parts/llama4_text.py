"""The text decoder of Llama 4, in which dense layers and layers with experts take turns: `transformers.models.llama4`."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention, heads
from lora_cli.models.parts.decoder import classes
from lora_cli.models.parts.experts import fused
from lora_cli.models.parts.layers import Node, Nodes, embedding, hollow, linear, listed, norm, under

hidden = size("hidden_size", 5120)
vocabulary = size("vocab_size", 202048)


def _gated(d: int, inner: int) -> Nodes:
    parts = linear("gate_proj", d, inner), linear("up_proj", d, inner), linear("down_proj", inner, d)
    return [*(node for part in parts for node in part), *hollow("activation_fn")]


def _experts(config: Config, d: int) -> Nodes:
    """Build experts, whose weights are stored as inputs × outputs, and one that all words share."""
    count, inner = config.size("num_local_experts", default=16), config.size("intermediate_size", default=8192)
    return [
        *fused(d, inner, count, transposed=True),
        *hollow("experts.act_fn"),
        *linear("router", d, count),
        *under("shared_expert", _gated(d, inner)),
    ]


def body(config: Config) -> Iterator[Node]:
    """Build `Llama4TextModel`."""
    d = hidden(config)
    count = config.layers("num_hidden_layers", default=48)
    step, interval = (
        config.size(name, default=default)
        for name, default in (("interleave_moe_layer_step", 1), ("no_rope_layer_interval", 4))
    )
    listed_experts = config.items("moe_layers")
    sparse = frozenset(range(step - 1, count, step) if listed_experts is None else listed_experts)
    rotated = config.items("no_rope_layers") or [(index + 1) % interval for index in range(count)]
    normed = config.flag("use_qk_norm", default=True)
    bias = config.flag("attention_bias", default=False)
    attended = attention(d, *heads(config, d, count=40, groups=8, width=128), bias=bias, output_bias=bias)
    common = [*norm("input_layernorm", d), *norm("post_attention_layernorm", d)]
    kinds = {True: _experts(config, d), False: _gated(d, config.size("intermediate_size_mlp", default=16384))}
    yield from embedding("embed_tokens", vocabulary(config), d)
    yield from listed(
        "layers",
        [
            [
                *under("self_attn", attended, hollow("qk_norm") if normed and rotated[index] else ()),
                *under("feed_forward", kinds[index in sparse]),
                *common,
            ]
            for index in range(count)
        ],
    )
    yield from norm("norm", d)
    yield from hollow("rotary_emb")


FAMILY = Family(
    "llama4_text",
    {
        **classes("Llama4", body, hidden=hidden, vocabulary=vocabulary, tasks=["ForCausalLM"]),
        **classes("Llama4Text", body, hidden=hidden, vocabulary=vocabulary, tasks=["Model"]),
    },
    PromptSizes(hidden=5120, layers=48, heads=40, groups=8, head_width=128),
)
