"""The text models of Ministral 3: `transformers.models.ministral3`."""

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
vocabulary = size("vocab_size", 131072)


def body(config: Config) -> Nodes:
    """Build `Ministral3Model`."""
    d = hidden(config)
    shape = heads(config, d, count=32, groups=8, width=128)
    feed_forward = gated(d, config.size("intermediate_size", default=14336))
    layers = config.layers("num_hidden_layers", default=34)
    return decoder(vocabulary(config), d, layers, block(d, attention(d, *shape), feed_forward))


def forward(config: Config) -> Body:
    """Describe the pass through `Ministral3Model`, which scales queries by their positions."""
    attention = rotated(heads(config, hidden(config), count=32, groups=8, width=128), config)
    attention = attention._replace(window=optional_window(config, None), scaled_queries=True)
    return Body([layer_pass(attention, gated_pass(config))] * config.layers("num_hidden_layers", default=34))


FAMILY = Family(
    "ministral3",
    classes("Ministral3", body, hidden=hidden, vocabulary=vocabulary),
    PromptSizes(hidden=4096, layers=34, heads=32, groups=8, head_width=128),
    forward=forward,
)
