"""The text decoder of GLM-OCR: `transformers.models.glm_ocr`."""

from __future__ import annotations

from lora_cli.models.architectures.text_parts.glm4v_text import NORMS
from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention, heads
from lora_cli.models.parts.decoder import classes, decoder
from lora_cli.models.parts.feed_forward import fused_gated
from lora_cli.models.parts.layers import Nodes, norm, under

hidden = size("hidden_size", 1024)
vocabulary = size("vocab_size", 59392)


def body(config: Config) -> Nodes:
    """Build `GlmOcrTextModel`."""
    d = hidden(config)
    return decoder(
        vocabulary(config),
        d,
        config.layers("num_hidden_layers", default=16),
        under("self_attn", attention(d, *heads(config, d, count=16, groups=8))),
        under("mlp", fused_gated(d, config.size("intermediate_size", default=4096))),
        *(norm(name, d) for name in NORMS),
    )


FAMILY = Family(
    "glm_ocr_text",
    classes("GlmOcrText", body, hidden=hidden, vocabulary=vocabulary, tasks=["Model"]),
    PromptSizes(hidden=1024, layers=16, heads=16, groups=8),
)
