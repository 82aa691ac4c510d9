"""Nemotron 3 8B to Nemotron 4 340B, and Minitron: `transformers.models.nemotron`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import biased, heads
from lora_cli.models.parts.decoder import PRE_NORMS, classes, decoder
from lora_cli.models.parts.feed_forward import up_down
from lora_cli.models.parts.layers import Nodes, hollow, norm, under

hidden = size("hidden_size", 6144)
vocabulary = size("vocab_size", 256000)


def body(config: Config) -> Nodes:
    """Build `NemotronModel`."""
    d = hidden(config)
    bias = config.flag("mlp_bias", default=False)
    return decoder(
        vocabulary(config),
        d,
        config.layers("num_hidden_layers", default=32),
        under("self_attn", biased(config, d, heads(config, d, count=48))),
        under("mlp", up_down(d, config.size("intermediate_size", default=24576), hollow("act_fn"), bias=bias)),
        *(norm(name, d, bias=True) for name in PRE_NORMS),
        final=norm("norm", d, bias=True),
    )


FAMILY = Family(
    "nemotron",
    classes("Nemotron", body, hidden=hidden, vocabulary=vocabulary, questions_prefix="transformer"),
    PromptSizes(hidden=6144, layers=32, heads=48, groups=None, head_width="shared"),
    required=("num_key_value_heads",),
)
