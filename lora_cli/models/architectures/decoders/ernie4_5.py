"""ERNIE 4.5, dense: `transformers.models.ernie4_5`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention, heads
from lora_cli.models.parts.decoder import block, classes, decoder
from lora_cli.models.parts.decoder_pass import gated_pass, layer_pass, rotated
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.forward_pass import Body
from lora_cli.models.parts.layers import Nodes

hidden = size("hidden_size", 1024)
vocabulary = size("vocab_size", 103424)


def body(config: Config) -> Nodes:
    """Build `Ernie4_5Model`, where every projection has a bias or none has."""
    d = hidden(config)
    shape = heads(config, d, count=16, groups=2, width=128)
    bias = config.flag("use_bias", default=False)
    return decoder(
        vocabulary(config),
        d,
        config.layers("num_hidden_layers", default=18),
        block(
            d,
            attention(d, *shape, bias=bias, output_bias=bias),
            gated(d, config.size("intermediate_size", default=3072), bias=bias),
        ),
    )


def forward(config: Config) -> Body:
    """Describe the pass through `Ernie4_5Model`, which has no dropout."""
    attention = rotated(heads(config, hidden(config), count=16, groups=2, width=128), config)
    attention = attention._replace(dropout=0.0, rotary_kind="pairs_in_float")
    return Body([layer_pass(attention, gated_pass(config))] * config.layers("num_hidden_layers", default=18))


TASKS = ("ForCausalLM", "Model")
FAMILY = Family(
    "ernie4_5",
    classes("Ernie4_5", body, hidden=hidden, vocabulary=vocabulary, tied_by_default=True, tasks=TASKS),
    PromptSizes(hidden=1024, layers=18, heads=16, groups=2, head_width=128),
    forward=forward,
)
