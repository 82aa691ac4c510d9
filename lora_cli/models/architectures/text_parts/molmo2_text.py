"""The text decoder of Molmo 2: `transformers.models.molmo2`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention
from lora_cli.models.parts.decoder import classes, decoder
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.layers import Nodes, hollow, norm, under

# What of q and k is normed together: a head, or all of them.
NORMS = {"qwen3": True, "olmo": False}

hidden = size("hidden_size", 4096)
vocabulary = size("vocab_size", 151936)


def body(config: Config) -> Nodes:
    """Build `Molmo2TextModel`, which reads more words than it writes."""
    d = hidden(config)
    heads, width = config.size("num_attention_heads", default=32), config.size("head_dim", default=128)
    groups = config.size("num_key_value_heads", default=8)
    kind = config.text("qk_norm_type", default="qwen3")
    if kind not in NORMS:
        raise config.wrong("qk_norm_type", " or ".join(NORMS))
    q, k = (1, 1) if NORMS[kind] else (heads, groups)
    bias = config.flag("qkv_bias", "attention_bias", default=False)
    nodes = decoder(
        vocabulary(config) + config.number("additional_vocab_size", default=128),
        d,
        config.layers("num_hidden_layers", default=36),
        under(
            "self_attn",
            attention(d, heads, groups, width, bias=bias),
            norm("q_norm", q * width),
            norm("k_norm", k * width),
        ),
        under("mlp", gated(d, config.size("intermediate_size", default=12288))),
        norm("input_layernorm", d),
        norm("post_attention_layernorm", d),
    )
    return [*nodes, *hollow("rotary_emb_unscaled")]


FAMILY = Family(
    "molmo2_text",
    classes("Molmo2Text", body, hidden=hidden, vocabulary=vocabulary, tasks=["Model"]),
    PromptSizes(hidden=4096, layers=36, heads=32, groups=8, head_width=128),
)
