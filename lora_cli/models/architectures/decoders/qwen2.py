"""Qwen1.5, Qwen2 and Qwen2.5, dense: `transformers.models.qwen2`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention, heads
from lora_cli.models.parts.decoder import classes, decoder
from lora_cli.models.parts.decoder_pass import SEES_ALL, gated_pass, layer_pass, rotated
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.forward_pass import Body
from lora_cli.models.parts.layer_windows import switched_windows
from lora_cli.models.parts.layers import Nodes, norm, under

hidden = size("hidden_size", 4096)
vocabulary = size("vocab_size", 151936)


def body(config: Config) -> Nodes:
    """Build `Qwen2Model`."""
    d = hidden(config)
    return decoder(
        vocabulary(config),
        d,
        config.layers("num_hidden_layers", default=32),
        under("self_attn", attention(d, *heads(config, d, count=32, groups=32), bias=True)),
        under("mlp", gated(d, config.size("intermediate_size", default=22016))),
        norm("input_layernorm", d),
        norm("post_attention_layernorm", d),
    )


def forward(config: Config) -> Body:
    """Describe the pass through `Qwen2Model`."""
    attention = rotated(heads(config, hidden(config), count=32, groups=32), config)
    windows = switched_windows(config, config.layers("num_hidden_layers", default=32))
    blocks = [layer_pass(attention._replace(window=window), gated_pass(config)) for window in windows]
    return Body(blocks, reaches=SEES_ALL)


FAMILY = Family(
    "qwen2",
    classes("Qwen2", body, hidden=hidden, vocabulary=vocabulary, questions_prefix="transformer"),
    PromptSizes(hidden=4096, layers=32, heads=32, groups=32),
    forward=forward,
)
