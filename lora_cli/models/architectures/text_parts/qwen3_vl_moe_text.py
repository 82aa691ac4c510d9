"""The text decoder of Qwen3-VL with experts: `transformers.models.qwen3_vl_moe`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention_with_head_norms, heads
from lora_cli.models.parts.decoder import classes
from lora_cli.models.parts.experts import experts, mixed_decoder, sparse_layers
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.layers import Nodes

hidden = size("hidden_size", 2048)
vocabulary = size("vocab_size", 151936)


def body(config: Config) -> Nodes:
    """Build `Qwen3VLMoeTextModel`."""
    d = hidden(config)
    layers = config.layers("num_hidden_layers", default=24)
    count = config.number("num_local_experts", "num_experts", default=60)
    return mixed_decoder(
        vocabulary(config),
        d,
        sparse_layers(config, layers) if count else [False] * layers,
        attention_with_head_norms(config, d, heads(config, d, count=16, groups=16)),
        experts=experts(d, config.size("moe_intermediate_size", default=1408), count),
        dense=gated(d, config.size("intermediate_size", default=5632)),
    )


FAMILY = Family(
    "qwen3_vl_moe_text",
    classes("Qwen3VLMoeText", body, hidden=hidden, vocabulary=vocabulary, tasks=["Model"]),
    PromptSizes(hidden=2048, layers=24, heads=16, groups=16, head_width="shared"),
)
