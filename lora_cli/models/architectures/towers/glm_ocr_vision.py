"""The tower of GLM-OCR: `transformers.models.glm_ocr`."""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.layers import Skeleton, linear, norm, under
from lora_cli.models.parts.towers.glm import blocks, joined, merger
from lora_cli.models.parts.towers.qwen import patches


def tower(config: Config) -> Skeleton:
    """Build `GlmOcrVisionModel`, which says of no module that it takes images."""
    d, h = config.size("hidden_size", default=1024), config.size("out_hidden_size", default=1536)
    width = d // config.size("num_heads", default=16)
    bias = config.flag("attention_bias", default=True)
    attention = under(
        "attn",
        linear("qkv", d, 3 * d, bias=bias),
        linear("proj", d, d, bias=bias),
        norm("q_norm", width),
        norm("k_norm", width),
    )
    nodes = [
        *patches(config, d, bias=True),
        *blocks(config, d, 24, attention, gated(d, config.size("intermediate_size", default=4096), bias=bias)),
        *merger(h, h * config.size("in_channels", default=3)),
        *joined(config, d, h),
    ]
    return Skeleton(nodes)


FAMILY = Family(
    "glm_ocr_vision",
    {"GlmOcrVisionModel": tower},
    PromptSizes(hidden=1024, layers=24, heads=16, layers_names=("num_hidden_layers", "depth"), has_vocabulary=False),
)
