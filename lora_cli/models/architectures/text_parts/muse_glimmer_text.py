"""The text decoder of Muse Glimmer: `transformers.models.muse_glimmer`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import biased, heads
from lora_cli.models.parts.decoder import classes, decoder
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.layers import Nodes, hollow, linear, norm, under

NORMS = ("input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm", "post_feedforward_layernorm")

hidden = size("hidden_size", 6656)
vocabulary = size("vocab_size", 202048)


def body(config: Config) -> Nodes:
    """Build `MuseGlimmerTextModel`, whose attention has a gate, and whose words are normed."""
    d = hidden(config)
    shape = heads(config, d, count=32, groups=2, width=128)
    config.share(d, "hidden_size", shape[0], "num_attention_heads")
    gate = linear("gate_proj", d, shape[0] * shape[-1])
    return [
        *decoder(
            vocabulary(config),
            d,
            config.layers("num_hidden_layers", default=52),
            under("self_attn", biased(config, d, shape), gate, hollow("qk_norm")),
            under("mlp", gated(d, config.size("intermediate_size", default=19968))),
            *(norm(name, d) for name in NORMS),
        ),
        *hollow("embed_tokens.embed_norm"),
    ]


FAMILY = Family(
    "muse_glimmer_text",
    classes("MuseGlimmerText", body, hidden=hidden, vocabulary=vocabulary, tasks=["Model"]),
    PromptSizes(hidden=6656, layers=52, heads=32, groups=2, head_width=128),
)
