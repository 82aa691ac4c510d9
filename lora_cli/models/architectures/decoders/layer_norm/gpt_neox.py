"""GPT-NeoX and Pythia: `transformers.models.gpt_neox`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.decoder import classes
from lora_cli.models.parts.layers import Nodes, embedding, hollow, linear, norm, repeat, under

hidden = size("hidden_size", 6144)
vocabulary = size("vocab_size", 50432)


def body(config: Config) -> Nodes:
    """Build `GPTNeoXModel`; q, k and v are one Linear."""
    d = hidden(config)
    config.share(d, "hidden_size", config.size("num_attention_heads", default=64), "num_attention_heads")
    bias = config.flag("attention_bias", default=True)
    inner = config.size("intermediate_size", default=24576)
    return [
        *embedding("embed_in", vocabulary(config), d),
        *repeat(
            "layers",
            config.layers("num_hidden_layers", default=44),
            norm("input_layernorm", d, bias=True),
            norm("post_attention_layernorm", d, bias=True),
            under("attention", linear("query_key_value", d, 3 * d, bias=bias), linear("dense", d, d, bias=bias)),
            under("mlp", linear("dense_h_to_4h", d, inner, bias=True), linear("dense_4h_to_h", inner, d, bias=True)),
            hollow("mlp.act", "post_attention_dropout", "post_mlp_dropout"),
        ),
        *norm("final_layer_norm", d, bias=True),
        *hollow("emb_dropout", "rotary_emb"),
    ]


FAMILY = Family(
    "gpt_neox",
    classes(
        "GPTNeoX",
        body,
        hidden=hidden,
        vocabulary=vocabulary,
        prefix="gpt_neox",
        embeddings="embed_in",
        tokens_head="classifier",
    ),
    PromptSizes(hidden=6144, layers=44, heads=64),
)
