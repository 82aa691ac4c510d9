"""The text decoder of GLM-4.5V, with experts: `transformers.models.glm4v_moe`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention, heads
from lora_cli.models.parts.decoder import classes
from lora_cli.models.parts.experts import dense_first, experts_with_shared, mixed_decoder
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.layers import Nodes

hidden = size("hidden_size", 4096)
vocabulary = size("vocab_size", 151424)


def body(config: Config) -> Nodes:
    """Build `Glm4vMoeTextModel`: first_k_dense_replace layers without experts, then those with."""
    d = hidden(config)
    layers = config.layers("num_hidden_layers", default=46)
    bias = config.flag("attention_bias", default=True)
    return mixed_decoder(
        vocabulary(config),
        d,
        dense_first(config, layers, dense=1),
        attention(d, *heads(config, d, count=96, groups=8), bias=bias),
        experts=experts_with_shared(config, d, count=128, inner=1408, shared=1),
        dense=gated(d, config.size("intermediate_size", default=10944)),
    )


FAMILY = Family(
    "glm4v_moe_text",
    classes("Glm4vMoeText", body, hidden=hidden, vocabulary=vocabulary, tasks=["Model"]),
    PromptSizes(hidden=4096, layers=46, heads=96, groups=8),
)
