"""Helium: `transformers.models.helium`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention, heads
from lora_cli.models.parts.decoder import BUT_QUESTIONS, block, classes, decoder
from lora_cli.models.parts.decoder_pass import gated_pass, layer_pass, rotated
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.forward_pass import Body, Norm
from lora_cli.models.parts.layers import Nodes, linear

hidden = size("hidden_size", 2560)
vocabulary = size("vocab_size", 48000)


def body(config: Config) -> Nodes:
    """Build `HeliumModel`, whose output projection is square: transformers takes the heads to fill the hidden size."""
    d = hidden(config)
    shape = heads(config, d, count=20, groups=20, width=128)
    *inputs, _ = attention(d, *shape, bias=config.flag("attention_bias", default=False))
    inner = config.size("intermediate_size", default=7040)
    return decoder(
        vocabulary(config),
        d,
        config.layers("num_hidden_layers", default=24),
        block(
            d,
            [*inputs, *linear("o_proj", d, d)],
            gated(d, inner, bias=config.flag("mlp_bias", default=False)),
        ),
    )


def forward(config: Config) -> Body:
    """Describe the pass through `HeliumModel`."""
    attention = rotated(heads(config, hidden(config), count=20, groups=20, width=128), config)
    layer = layer_pass(attention._replace(rotary_kind="pairs"), gated_pass(config), kind="rms_weigh_first")
    return Body([layer] * config.layers("num_hidden_layers", default=24), Norm("norm", "rms_weigh_first"))


FAMILY = Family(
    "helium",
    classes("Helium", body, hidden=hidden, vocabulary=vocabulary, tasks=BUT_QUESTIONS),
    PromptSizes(hidden=2560, layers=24, heads=20, groups=20, head_width=128),
    forward=forward,
)
