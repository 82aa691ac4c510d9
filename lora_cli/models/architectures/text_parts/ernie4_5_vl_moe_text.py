"""The text decoder of ERNIE 4.5 VL, with experts for text and others for images: `transformers.models.ernie4_5_vl_moe`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention, heads
from lora_cli.models.parts.decoder import classes
from lora_cli.models.parts.experts import CORRECTION, experts, mixed_decoder, sparse_types
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.layers import Nodes, parameter, under

INNER = (1536, 512)

hidden = size("hidden_size", 2560)
vocabulary = size("vocab_size", 103424)


def _widths(config: Config) -> tuple[int, int]:
    """Return the widths within the experts of the text and within those of images."""
    given = config.items("moe_intermediate_size")
    if given is None:
        return INNER
    if len(given) != len(INNER):
        raise config.wrong("moe_intermediate_size", "a list of two sizes")
    text, images = (
        Config({"moe_intermediate_size": one}, config.source).needed("moe_intermediate_size") for one in given
    )
    return text, images


def mixture(config: Config, d: int) -> Nodes:
    """Build `Ernie4_5_VLMoeMoeBlock`, whose routers are always of float32."""
    count = config.size("num_experts", "moe_num_experts", default=64)
    inner = _widths(config)
    shared = config.number("moe_num_shared_experts", default=2)
    bias = config.flag("use_bias", default=False)
    router = (
        *parameter("gate.weight", count, d, dtype="F32"),
        *parameter(f"gate.moe_statics.{CORRECTION}", 1, count, dtype="F32"),
    )
    return [
        *under("text_moe", experts(d, inner[0], count, router=router)),
        *under("vision_moe", experts(d, inner[1], count, router=router)),
        *(under("shared_experts", gated(d, shared * inner[0], bias=bias)) if shared else ()),
    ]


def body(config: Config) -> Nodes:
    """Build `Ernie4_5_VLMoeTextModel`."""
    d, bias = hidden(config), config.flag("use_bias", default=False)
    return mixed_decoder(
        vocabulary(config),
        d,
        sparse_types(config, config.layers("num_hidden_layers", default=28), dense=1),
        attention(d, *heads(config, d, count=20, groups=4), bias=bias, output_bias=bias),
        experts=mixture(config, d),
        dense=gated(d, config.size("intermediate_size", default=12288), bias=bias),
    )


FAMILY = Family(
    "ernie4_5_vl_moe_text",
    classes("Ernie4_5_VLMoeText", body, hidden=hidden, vocabulary=vocabulary, tasks=["Model"]),
    PromptSizes(hidden=2560, layers=28, heads=20, groups=4),
)
