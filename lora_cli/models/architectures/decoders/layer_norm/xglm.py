"""XGLM: `transformers.models.xglm`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.decoder import classes
from lora_cli.models.parts.kin.bart import layer
from lora_cli.models.parts.layers import Nodes, embedding, hollow, norm, repeat

hidden = size("hidden_size", 1024, "d_model")
vocabulary = size("vocab_size", 256008)


def body(config: Config) -> Nodes:
    """Build `XGLMModel`, whose positions are computed."""
    d = hidden(config)
    heads = config.size("num_attention_heads", "attention_heads", default=16)
    config.share(d, "d_model", heads, "attention_heads")
    inner = config.size("ffn_dim", default=4096)
    return [
        *embedding("embed_tokens", vocabulary(config), d),
        *hollow("embed_positions"),
        *repeat(
            "layers",
            config.layers("num_hidden_layers", "num_layers", default=24),
            layer(d, inner, crosses=config.flag("add_cross_attention", default=False)),
        ),
        *norm("layer_norm", d, bias=True),
    ]


FAMILY = Family(
    "xglm",
    classes("XGLM", body, hidden=hidden, vocabulary=vocabulary, tied_by_default=True, tasks=("ForCausalLM", "Model")),
    # PEFT does not ask for XGLM's own name of the number of heads.
    PromptSizes(hidden=1024, layers=24, heads=None, heads_names=()),
    feed_forward="ffn_dim",
)
