"""Persimmon: `transformers.models.persimmon`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.decoder import BUT_QUESTIONS, PRE_NORMS, classes, decoder
from lora_cli.models.parts.kin import megatron
from lora_cli.models.parts.layers import Nodes, hollow, norm, under

hidden = size("hidden_size", 4096)
vocabulary = size("vocab_size", 262144)


def body(config: Config) -> Nodes:
    """Build `PersimmonModel`, whose q, k and v are one Linear."""
    d = hidden(config)
    width = config.share(d, "hidden_size", config.size("num_attention_heads", default=64), "num_attention_heads")
    inner = config.size("intermediate_size", default=16384)
    head_norms = ("q_layernorm", "k_layernorm") if config.flag("qk_layernorm", default=True) else ()
    return decoder(
        vocabulary(config),
        d,
        config.layers("num_hidden_layers", default=36),
        megatron.attention("self_attn", d, 3 * d, bias=True),
        under("self_attn", *(norm(name, width, bias=True) for name in head_norms)),
        megatron.feed_forward(d, inner, bias=True),
        hollow("self_attn.attention_dropout", "mlp.act", "dropout"),
        *(norm(name, d, bias=True) for name in PRE_NORMS),
        final=norm("final_layernorm", d, bias=True),
    )


FAMILY = Family(
    "persimmon",
    classes("Persimmon", body, hidden=hidden, vocabulary=vocabulary, tasks=BUT_QUESTIONS),
    PromptSizes(hidden=4096, layers=36, heads=64),
)
