"""The text decoder of PaddleOCR-VL: `transformers.models.paddleocr_vl`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention, heads
from lora_cli.models.parts.decoder import block, classes, decoder
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.layers import Nodes

hidden = size("hidden_size", 1024)
vocabulary = size("vocab_size", 103424)


def body(config: Config) -> Nodes:
    """Build `PaddleOCRTextModel`."""
    d = hidden(config)
    bias = config.flag("use_bias", default=False)
    width = 128 if "head_dim" not in config.fields else None
    shape = heads(config, d, count=16, groups=2, width=width)
    inner = config.size("intermediate_size", default=3072)
    return decoder(
        vocabulary(config),
        d,
        config.layers("num_hidden_layers", default=18),
        block(d, attention(d, *shape, bias=bias, output_bias=bias), gated(d, inner, bias=bias)),
    )


FAMILY = Family(
    "paddleocr_vl_text",
    classes("PaddleOCRText", body, hidden=hidden, vocabulary=vocabulary, tasks=["Model"]),
    PromptSizes(hidden=1024, layers=18, heads=16, groups=2, head_width=128),
)
