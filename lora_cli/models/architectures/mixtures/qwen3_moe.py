"""Qwen3 with experts: `transformers.models.qwen3_moe`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention_with_head_norms
from lora_cli.models.parts.attention import heads as head_sizes
from lora_cli.models.parts.decoder import classes
from lora_cli.models.parts.experts import experts, mixed_decoder, sparse_layers
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.layers import Nodes

hidden = size("hidden_size", 2048)
vocabulary = size("vocab_size", 151936)


def body(config: Config) -> Nodes:
    """Build `Qwen3MoeModel`."""
    # transformers stores num_experts as num_local_experts, and sets the latter last, so it wins.
    counts = ("num_local_experts", "num_experts")
    return of_sizes(config, hidden(config), vocabulary(config), layers=24, heads=32, inner=6144, counts=counts)


def of_sizes(
    config: Config, d: int, words: int, *, layers: int, heads: int, inner: int, counts: tuple[str, ...]
) -> Nodes:
    """Build the same with other defaults; `counts` are the names of the number of experts."""
    layers = config.layers("num_hidden_layers", default=layers)
    count = config.number(*counts, default=128)
    return mixed_decoder(
        words,
        d,
        sparse_layers(config, layers) if count else [False] * layers,
        attention_with_head_norms(config, d, head_sizes(config, d, count=heads, groups=4)),
        experts=experts(d, config.size("moe_intermediate_size", default=768), count),
        dense=gated(d, config.size("intermediate_size", default=inner)),
    )


FAMILY = Family(
    "qwen3_moe",
    classes("Qwen3Moe", body, hidden=hidden, vocabulary=vocabulary, questions_prefix="transformer"),
    PromptSizes(hidden=2048, layers=24, heads=32, groups=4),
)
