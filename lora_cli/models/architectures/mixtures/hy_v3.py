"""Hunyuan 3: `transformers.models.hy_v3`, which leaves the multi-token-prediction layers out."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention_with_head_norms, heads
from lora_cli.models.parts.decoder import TASKS, classes
from lora_cli.models.parts.experts import CORRECTION, experts, mixed_decoder, sparse_types
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.layers import Nodes, buffer, under

hidden = size("hidden_size", 4096)
vocabulary = size("vocab_size", 120832)


def body(config: Config) -> Nodes:
    """Build `HYV3Model`. Without shared experts, a feed-forward as wide as that of dense layers has their place."""
    d = hidden(config)
    inner = config.size("intermediate_size", default=13312)
    routed_inner = config.size("moe_intermediate_size", default=1536)
    routed = config.size("num_local_experts", "num_experts", default=192)
    shared = routed_inner * config.number("num_shared_experts", default=1) or inner
    bias = config.flag("mlp_bias", default=False)
    return mixed_decoder(
        vocabulary(config),
        d,
        sparse_types(config, config.layers("num_hidden_layers", default=80), dense=1),
        attention_with_head_norms(config, d, heads(config, d, count=64, groups=8, width=128)),
        experts=(
            *experts(d, routed_inner, routed),
            *buffer(CORRECTION, routed),
            *under("shared_experts", gated(d, shared, bias=bias)),
        ),
        dense=gated(d, inner, bias=bias),
    )


FAMILY = Family(
    "hy_v3",
    classes("HYV3", body, hidden=hidden, vocabulary=vocabulary, tasks=TASKS[:2]),
    PromptSizes(hidden=4096, layers=80, heads=64, groups=8, head_width=128),
)
