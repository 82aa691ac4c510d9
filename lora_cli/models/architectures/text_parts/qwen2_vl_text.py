"""The text decoder of Qwen2-VL: `transformers.models.qwen2_vl`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention
from lora_cli.models.parts.decoder import classes, decoder
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.layers import Nodes, norm, under

hidden = size("hidden_size", 8192)
vocabulary = size("vocab_size", 152064)
SIZES = PromptSizes(hidden=8192, layers=80, heads=64, groups=8)


def body(config: Config) -> Nodes:
    """Build `Qwen2VLTextModel`, whose heads share the hidden size whatever `head_dim` says."""
    d = hidden(config)
    heads = config.size("num_attention_heads", default=64)
    given = "num_key_value_heads" in config.fields
    groups = config.size("num_key_value_heads", default=heads if given else 8)
    width = config.share(d, "hidden_size", heads, "num_attention_heads")
    return decoder(
        vocabulary(config),
        d,
        config.layers("num_hidden_layers", default=80),
        under("self_attn", attention(d, heads, groups, width, bias=True)),
        under("mlp", gated(d, config.size("intermediate_size", default=29568))),
        norm("input_layernorm", d),
        norm("post_attention_layernorm", d),
    )


FAMILY = Family(
    "qwen2_vl_text", classes("Qwen2VLText", body, hidden=hidden, vocabulary=vocabulary, tasks=["Model"]), SIZES
)
