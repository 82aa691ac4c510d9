"""MiniCPM3: `transformers.models.minicpm3`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.decoder import TASKS, block, classes, decoder
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.latent_attention import latent_attention
from lora_cli.models.parts.layers import Nodes

hidden = size("hidden_size", 2560)
vocabulary = size("vocab_size", 73448)


def body(config: Config) -> Nodes:
    """Build `MiniCPM3Model`, which has DeepSeek's attention, and values as wide as heads that share the hidden size."""
    d = hidden(config)
    value = config.share(d, "hidden_size", config.size("num_attention_heads", default=40), "num_attention_heads")
    attention = latent_attention(config, d, heads=40, query=768, rank=256, plain=64, rotated=32, value=value)
    inner, bias = config.size("intermediate_size", default=6400), config.flag("mlp_bias", default=False)
    layers = config.layers("num_hidden_layers", default=62)
    return decoder(vocabulary(config), d, layers, block(d, attention, gated(d, inner, bias=bias)))


FAMILY = Family(
    "minicpm3",
    classes("MiniCPM3", body, hidden=hidden, vocabulary=vocabulary, tied_by_default=True, tasks=TASKS[:3]),
    PromptSizes(hidden=2560, layers=62, heads=40, groups=40, head_width=32, head_width_names=("qk_rope_head_dim",)),
)
