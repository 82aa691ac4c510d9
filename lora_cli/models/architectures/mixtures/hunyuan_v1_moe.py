"""Hunyuan A13B: `transformers.models.hunyuan_v1_moe`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention_with_head_norms, heads
from lora_cli.models.parts.decoder import TASKS, block, classes, decoder
from lora_cli.models.parts.experts import experts
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.layers import Nodes, linear, under

hidden = size("hidden_size", 4096)
vocabulary = size("vocab_size", 290943)


def body(config: Config) -> Nodes:
    """Build `HunYuanMoEV1Model`, whose routers are always of float32."""
    d = hidden(config)
    norms = "query_layernorm", "key_layernorm"
    projections = attention_with_head_norms(config, d, heads(config, d, count=32), norms=norms)
    inner = config.size("intermediate_size", default=11008)
    count = config.size("num_local_experts", "num_experts", default=1)
    router = linear("gate.wg", d, count, dtype="F32")
    return decoder(
        vocabulary(config),
        d,
        config.layers("num_hidden_layers", default=32),
        block(d, projections, (*experts(d, inner, count, router=router), *under("shared_mlp", gated(d, inner)))),
    )


FAMILY = Family(
    "hunyuan_v1_moe",
    classes("HunYuanMoEV1", body, hidden=hidden, vocabulary=vocabulary, tasks=TASKS[:3]),
    PromptSizes(hidden=4096, layers=32, heads=32, groups="heads"),
    required=("head_dim",),
)
