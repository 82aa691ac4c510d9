"""GLM 4 of 2025, such as GLM-4-9B-0414: `transformers.models.glm4`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention, heads
from lora_cli.models.parts.decoder import BUT_QUESTIONS, classes, decoder
from lora_cli.models.parts.feed_forward import fused_gated
from lora_cli.models.parts.layers import Nodes, norm, under

hidden = size("hidden_size", 4096)
vocabulary = size("vocab_size", 151552)


def body(config: Config) -> Nodes:
    """Build `Glm4Model`, which norms what enters a block and what leaves it."""
    d = hidden(config)
    shape = heads(config, d, count=32, groups=2, width=128)
    return decoder(
        vocabulary(config),
        d,
        config.layers("num_hidden_layers", default=40),
        under("self_attn", attention(d, *shape, bias=config.flag("attention_bias", default=True))),
        under("mlp", fused_gated(d, config.size("intermediate_size", default=13696))),
        norm("input_layernorm", d),
        norm("post_attention_layernorm", d),
        norm("post_self_attn_layernorm", d),
        norm("post_mlp_layernorm", d),
    )


FAMILY = Family(
    "glm4",
    classes("Glm4", body, hidden=hidden, vocabulary=vocabulary, tasks=BUT_QUESTIONS),
    PromptSizes(hidden=4096, layers=40, heads=32, groups=2, head_width=128),
)
