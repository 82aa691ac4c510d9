"""Qwen3 with experts: `transformers.models.qwen3_moe`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention_with_head_norms
from lora_cli.models.parts.attention import heads as head_sizes
from lora_cli.models.parts.decoder import classes
from lora_cli.models.parts.decoder_pass import head_norms, rotated
from lora_cli.models.parts.experts import experts, mixed_decoder, sparse_layers
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.forward_pass import Body, Experts
from lora_cli.models.parts.layers import Nodes
from lora_cli.models.parts.mixture_pass import mixed_body, softmax_router

hidden = size("hidden_size", 2048)
vocabulary = size("vocab_size", 151936)
# transformers stores num_experts as num_local_experts, and sets the latter last, so it wins.
COUNTS = ("num_local_experts", "num_experts")


def sparse(config: Config, *, layers: int, counts: tuple[str, ...] = COUNTS) -> list[bool]:
    """Return for each layer whether it has experts, of which there may be none."""
    layers = config.layers("num_hidden_layers", default=layers)
    return sparse_layers(config, layers) if config.number(*counts, default=128) else [False] * layers


def body(config: Config) -> Nodes:
    """Build `Qwen3MoeModel`."""
    return of_sizes(config, hidden(config), vocabulary(config), layers=24, heads=32, inner=6144, counts=COUNTS)


def of_sizes(
    config: Config, d: int, words: int, *, layers: int, heads: int, inner: int, counts: tuple[str, ...]
) -> Nodes:
    """Build the same with other defaults; `counts` are the names of the number of experts."""
    count = config.number(*counts, default=128)
    return mixed_decoder(
        words,
        d,
        sparse(config, layers=layers, counts=counts),
        attention_with_head_norms(config, d, head_sizes(config, d, count=heads, groups=4)),
        experts=experts(d, config.size("moe_intermediate_size", default=768), count),
        dense=gated(d, config.size("intermediate_size", default=inner)),
    )


def forward(config: Config) -> Body:
    """Describe the pass through `Qwen3MoeModel`."""
    return of_layers(config, hidden(config), sparse(config, layers=24), heads=32)


def of_layers(config: Config, d: int, sparse: list[bool], *, heads: int) -> Body:
    """Describe the same with other defaults."""
    attention = rotated(head_sizes(config, d, count=heads, groups=4), config)._replace(norms=head_norms())
    if config.flag("use_sliding_window", default=False):
        attention = attention._replace(window=config.size("sliding_window", default=4096) or None)
    return mixed_body(config, attention, sparse, Experts(softmax_router(config, default=8, normed=False)))


FAMILY = Family(
    "qwen3_moe",
    classes("Qwen3Moe", body, hidden=hidden, vocabulary=vocabulary, questions_prefix="transformer"),
    PromptSizes(hidden=2048, layers=24, heads=32, groups=4),
    forward=forward,
)
