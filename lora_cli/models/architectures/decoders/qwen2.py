"""Qwen1.5, Qwen2 and Qwen2.5, dense: `transformers.models.qwen2`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention, heads
from lora_cli.models.parts.decoder import block, classes, decoder
from lora_cli.models.parts.decoder_pass import gated_layers, rotated
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.forward_pass import Body
from lora_cli.models.parts.layer_windows import switched_windows
from lora_cli.models.parts.layers import Nodes

hidden = size("hidden_size", 4096)
vocabulary = size("vocab_size", 151936)


def body(config: Config) -> Nodes:
    """Build `Qwen2Model`."""
    d = hidden(config)
    inner = config.size("intermediate_size", default=22016)
    return decoder(
        vocabulary(config),
        d,
        config.layers("num_hidden_layers", default=32),
        block(d, attention(d, *heads(config, d, count=32, groups=32), bias=True), gated(d, inner)),
    )


def forward(config: Config) -> Body:
    """Describe the pass through `Qwen2Model`."""
    attention = rotated(heads(config, hidden(config), count=32, groups=32), config)
    windows = switched_windows(config, config.layers("num_hidden_layers", default=32))
    return gated_layers(config, (attention._replace(window=window) for window in windows))


FAMILY = Family(
    "qwen2",
    classes("Qwen2", body, hidden=hidden, vocabulary=vocabulary, questions_prefix="transformer"),
    PromptSizes(hidden=4096, layers=32, heads=32, groups=32),
    forward=forward,
)
