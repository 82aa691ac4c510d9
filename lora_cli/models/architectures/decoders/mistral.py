"""Mistral 7B and its kin: `transformers.models.mistral`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention, heads
from lora_cli.models.parts.decoder import block, classes, decoder
from lora_cli.models.parts.decoder_pass import gated_pass, layer_pass, rotated
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.forward_pass import Body
from lora_cli.models.parts.layer_windows import optional_window
from lora_cli.models.parts.layers import Nodes

hidden = size("hidden_size", 4096)
vocabulary = size("vocab_size", 32000)


def body(config: Config) -> Nodes:
    """Build `MistralModel`."""
    d = hidden(config)
    inner = config.size("intermediate_size", default=14336)
    return decoder(
        vocabulary(config),
        d,
        config.layers("num_hidden_layers", default=32),
        block(d, attention(d, *heads(config, d, count=32, groups=8)), gated(d, inner)),
    )


def forward(config: Config) -> Body:
    """Describe the pass through `MistralModel`, whose layers all have the same window."""
    attention = rotated(heads(config, hidden(config), count=32, groups=8), config)
    attention = attention._replace(window=optional_window(config, 4096))
    return Body([layer_pass(attention, gated_pass(config))] * config.layers("num_hidden_layers", default=32))


FAMILY = Family(
    "mistral",
    classes("Mistral", body, hidden=hidden, vocabulary=vocabulary),
    PromptSizes(hidden=4096, layers=32, heads=32, groups=8, head_width="shared"),
    forward=forward,
)
