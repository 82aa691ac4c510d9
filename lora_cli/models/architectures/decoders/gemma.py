"""Gemma, Gemma 2 and the text models of Gemma 3: `transformers.models.gemma`, `gemma2` and `gemma3`."""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.parts.decoder import BUT_QUESTIONS, attention, classes, decoder, gated, heads, size
from lora_cli.models.parts.layers import Nodes, norm, under

hidden = size("hidden_size", 3072)
hidden_2 = size("hidden_size", 2304)
vocabulary = size("vocab_size", 256000)
vocabulary_3 = size("vocab_size", 262208)


def biased_attention(config: Config, d: int, shape: tuple[int, int, int], *norms: Nodes) -> Nodes:
    """Give an attention whose four projections have a bias or none."""
    bias = config.flag("attention_bias", default=False)
    return under("self_attn", attention(d, *shape, bias=bias, output_bias=bias), *norms)


def body(config: Config) -> Nodes:
    """Give `GemmaModel`."""
    d = hidden(config)
    return decoder(
        vocabulary(config),
        d,
        config.layers("num_hidden_layers", default=28),
        biased_attention(config, d, heads(config, d, count=16, groups=16, width=256)),
        under("mlp", gated(d, config.size("intermediate_size", default=24576))),
        norm("input_layernorm", d),
        norm("post_attention_layernorm", d),
    )


def four_norms(config: Config, vocabulary: int, *, head_norms: bool) -> Nodes:
    """Give `Gemma2Model`, or `Gemma3TextModel` with its norms on each head of q and k."""
    d = hidden_2(config)
    count, groups, width = heads(config, d, count=8, groups=4, width=256)
    # Both configs are refused by transformers otherwise, although the heads have a width of their own.
    config.share(d, "hidden_size", count, "num_attention_heads")
    norms = (norm("q_norm", width), norm("k_norm", width)) if head_norms else ()
    return decoder(
        vocabulary,
        d,
        config.layers("num_hidden_layers", default=26),
        biased_attention(config, d, (count, groups, width), *norms),
        under("mlp", gated(d, config.size("intermediate_size", default=9216))),
        norm("input_layernorm", d),
        norm("post_attention_layernorm", d),
        norm("pre_feedforward_layernorm", d),
        norm("post_feedforward_layernorm", d),
    )


def body_2(config: Config) -> Nodes:
    """Give `Gemma2Model`."""
    return four_norms(config, vocabulary(config), head_norms=False)


def body_3(config: Config) -> Nodes:
    """Give `Gemma3TextModel`."""
    return four_norms(config, vocabulary_3(config), head_norms=True)


CLASSES = {
    "gemma": classes("Gemma", body, hidden=hidden, vocabulary=vocabulary, tied_by_default=True, tasks=BUT_QUESTIONS),
    "gemma2": classes(
        "Gemma2", body_2, hidden=hidden_2, vocabulary=vocabulary, tied_by_default=True, tasks=BUT_QUESTIONS
    ),
    "gemma3_text": {
        **classes(
            "Gemma3", body_3, hidden=hidden_2, vocabulary=vocabulary_3, tied_by_default=True, tasks=["ForCausalLM"]
        ),
        **classes(
            "Gemma3Text", body_3, hidden=hidden_2, vocabulary=vocabulary_3, tasks=["Model", "ForSequenceClassification"]
        ),
    },
}
