"""The text decoder of Qwen2.5-Omni's thinker: `transformers.models.qwen2_5_omni`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention, heads
from lora_cli.models.parts.decoder import block, classes
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.layers import Nodes, embedding, hollow, norm, repeat

hidden = size("hidden_size", 3584)
vocabulary = size("vocab_size", 152064)


def of_sizes(config: Config, vocabulary: int, read: int, *, head_width: int | None = None) -> Nodes:
    """Build the decoder with embeddings that are `read` wide and a default for the width of heads."""
    d = hidden(config)
    projections = attention(d, *heads(config, d, count=28, groups=4, width=head_width), bias=True)
    inner = config.size("intermediate_size", default=18944)
    return [
        *embedding("embed_tokens", vocabulary, read),
        *repeat("layers", config.layers("num_hidden_layers", default=28), block(d, projections, gated(d, inner))),
        *norm("norm", d),
        *hollow("rotary_emb"),
    ]


def body(config: Config) -> Nodes:
    """Build `Qwen2_5OmniThinkerTextModel`."""
    return of_sizes(config, vocabulary(config), hidden(config))


FAMILY = Family(
    "qwen2_5_omni_text",
    classes("Qwen2_5OmniThinkerText", body, hidden=hidden, vocabulary=vocabulary, tasks=["Model"]),
    PromptSizes(hidden=3584, layers=28, heads=28, groups=4),
)
