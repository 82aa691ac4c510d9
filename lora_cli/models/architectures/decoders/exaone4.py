"""EXAONE 4: `transformers.models.exaone4`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention, heads
from lora_cli.models.parts.decoder import block, classes, decoder
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.layers import Nodes, norm

hidden = size("hidden_size", 4096)
vocabulary = size("vocab_size", 102400)


def body(config: Config) -> Nodes:
    """Build `Exaone4Model`, which norms each head of q and k, and what leaves a block."""
    d = hidden(config)
    shape = heads(config, d, count=32, groups=32)
    return decoder(
        vocabulary(config),
        d,
        config.layers("num_hidden_layers", default=32),
        block(
            d,
            (*attention(d, *shape), *norm("q_norm", shape[-1]), *norm("k_norm", shape[-1])),
            gated(d, config.size("intermediate_size", default=16384)),
            norms=("post_attention_layernorm", "post_feedforward_layernorm"),
        ),
    )


FAMILY = Family(
    "exaone4",
    classes("Exaone4", body, hidden=hidden, vocabulary=vocabulary, questions_prefix="transformer"),
    PromptSizes(hidden=4096, layers=32, heads=32, groups=32),
)
