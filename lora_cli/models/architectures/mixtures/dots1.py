"""dots.llm1: `transformers.models.dots1`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention_with_head_norms, heads
from lora_cli.models.parts.decoder import TASKS, classes
from lora_cli.models.parts.experts import dense_first, experts_with_shared, mixed_decoder
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.layers import Nodes

hidden = size("hidden_size", 4608)
vocabulary = size("vocab_size", 152064)


def body(config: Config) -> Nodes:
    """Build `Dots1Model`, whose class has no default for the number of experts."""
    d = hidden(config)
    return mixed_decoder(
        vocabulary(config),
        d,
        dense_first(config, config.layers("num_hidden_layers", default=62), dense=0),
        attention_with_head_norms(config, d, heads(config, d, count=32, groups=32)),
        experts=experts_with_shared(config, d, count=0, inner=1408, shared=0),
        dense=gated(d, config.size("intermediate_size", default=10944)),
    )


FAMILY = Family(
    "dots1",
    classes("Dots1", body, hidden=hidden, vocabulary=vocabulary, tasks=TASKS[:2]),
    PromptSizes(hidden=4608, layers=62, heads=32, groups=32),
    required=("n_routed_experts", "n_shared_experts"),
)
