"""Gemma 2: `transformers.models.gemma2`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention, heads
from lora_cli.models.parts.decoder import BUT_QUESTIONS, classes, decoder
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.layers import Nodes, norm, under

hidden = size("hidden_size", 2304)
vocabulary = size("vocab_size", 256000)
SIZES = PromptSizes(hidden=2304, layers=26, heads=8, groups=4, head_width=256)


def four_norms(config: Config, vocabulary: int, *, head_norms: bool) -> Nodes:
    """Build `Gemma2Model`, or `Gemma3TextModel`, which also norms each head of q and k."""
    d = hidden(config)
    bias = config.flag("attention_bias", default=False)
    count, groups, width = heads(config, d, count=8, groups=4, width=256)
    # transformers refuses other configs, although the width of a head is a field of its own.
    config.share(d, "hidden_size", count, "num_attention_heads")
    return decoder(
        vocabulary,
        d,
        config.layers("num_hidden_layers", default=26),
        under(
            "self_attn",
            attention(d, count, groups, width, bias=bias, output_bias=bias),
            *((norm("q_norm", width), norm("k_norm", width)) if head_norms else ()),
        ),
        under("mlp", gated(d, config.size("intermediate_size", default=9216))),
        norm("input_layernorm", d),
        norm("post_attention_layernorm", d),
        norm("pre_feedforward_layernorm", d),
        norm("post_feedforward_layernorm", d),
    )


def body(config: Config) -> Nodes:
    """Build `Gemma2Model`."""
    return four_norms(config, vocabulary(config), head_norms=False)


FAMILY = Family(
    "gemma2",
    classes("Gemma2", body, hidden=hidden, vocabulary=vocabulary, tied_by_default=True, tasks=BUT_QUESTIONS),
    SIZES,
)
