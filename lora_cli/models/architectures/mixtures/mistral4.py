"""Mistral Small 4's language model: `transformers.models.mistral4`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.decoder import BUT_QUESTIONS, classes
from lora_cli.models.parts.experts import dense_first, experts_with_shared, mixed_decoder
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.latent_attention import latent_attention
from lora_cli.models.parts.layers import Nodes

hidden = size("hidden_size", 4096)
vocabulary = size("vocab_size", 131072)
plain = size("qk_nope_head_dim", 64)
rotated = size("qk_rope_head_dim", 64)


def body(config: Config) -> Nodes:
    """Build `Mistral4Model`."""
    d = hidden(config)
    attention = latent_attention(config, d, heads=32, query=1024, rank=256, plain=64, rotated=64, value=128)
    return mixed_decoder(
        vocabulary(config),
        d,
        dense_first(config, config.layers("num_hidden_layers", default=36), dense=0),
        attention,
        experts=experts_with_shared(config, d, count=128, inner=2048, shared=1, corrected=False),
        dense=gated(d, config.size("intermediate_size", default=12288)),
    )


FAMILY = Family(
    "mistral4",
    classes("Mistral4", body, hidden=hidden, vocabulary=vocabulary, tasks=BUT_QUESTIONS),
    PromptSizes(
        hidden=4096,
        layers=36,
        heads=32,
        groups=32,
        head_width=lambda config: plain(config) + rotated(config),
        head_width_names=(),
    ),
)
