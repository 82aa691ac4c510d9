"""The text decoder of GLM-4V: `transformers.models.glm4v`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention
from lora_cli.models.parts.decoder import classes, decoder
from lora_cli.models.parts.feed_forward import fused_gated
from lora_cli.models.parts.layers import Nodes, norm, under

NORMS = ("input_layernorm", "post_attention_layernorm", "post_self_attn_layernorm", "post_mlp_layernorm")

hidden = size("hidden_size", 4096)
vocabulary = size("vocab_size", 151552)


def body(config: Config) -> Nodes:
    """Build `Glm4vTextModel`, whose heads share the hidden size whatever `head_dim` says."""
    d = hidden(config)
    heads = config.size("num_attention_heads", default=32)
    missing = "num_key_value_heads" not in config.fields
    groups = config.size("num_key_value_heads", default=2 if missing else heads)
    return decoder(
        vocabulary(config),
        d,
        config.layers("num_hidden_layers", default=40),
        under("self_attn", attention(d, heads, groups, d // heads, bias=True)),
        under("mlp", fused_gated(d, config.size("intermediate_size", default=13696))),
        *(norm(name, d) for name in NORMS),
    )


FAMILY = Family(
    "glm4v_text",
    classes("Glm4vText", body, hidden=hidden, vocabulary=vocabulary, tasks=["Model"]),
    PromptSizes(hidden=4096, layers=40, heads=32, groups=2),
)
