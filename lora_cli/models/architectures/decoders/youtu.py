"""Youtu-LLM: `transformers.models.youtu`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.decoder import block, classes, decoder
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.latent_attention import latent_attention
from lora_cli.models.parts.layers import Nodes

hidden = size("hidden_size", 2048)
vocabulary = size("vocab_size", 128256)


def body(config: Config) -> Nodes:
    """Build `YoutuModel`, which has DeepSeek's attention and no experts."""
    d = hidden(config)
    feed_forward = gated(d, config.size("intermediate_size", default=6144))
    layers = config.layers("num_hidden_layers", default=32)
    attention = latent_attention(config, d, heads=16, query=1536, rank=512, plain=128, rotated=64, value=128)
    return decoder(vocabulary(config), d, layers, block(d, attention, feed_forward))


FAMILY = Family(
    "youtu",
    classes("Youtu", body, hidden=hidden, vocabulary=vocabulary, tied_by_default=True, tasks=("ForCausalLM", "Model")),
    PromptSizes(hidden=2048, layers=32, heads=16, groups=16, head_width=64, head_width_names=("qk_rope_head_dim",)),
)
