"""The text models of Ministral 3: `transformers.models.ministral3`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention, heads
from lora_cli.models.parts.decoder import block, classes, decoder
from lora_cli.models.parts.feed_forward import gated
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


FAMILY = Family(
    "ministral3",
    classes("Ministral3", body, hidden=hidden, vocabulary=vocabulary),
    PromptSizes(hidden=4096, layers=34, heads=32, groups=8, head_width=128),
)
