"""Gemma: `transformers.models.gemma`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import biased, heads
from lora_cli.models.parts.decoder import BUT_QUESTIONS, block, classes, decoder
from lora_cli.models.parts.decoder_pass import gated_pass, layer_pass, refuse, rotated
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.forward_pass import Body, Norm, Words
from lora_cli.models.parts.layers import Nodes

hidden = size("hidden_size", 3072)
vocabulary = size("vocab_size", 256000)


def body(config: Config) -> Nodes:
    """Build `GemmaModel`."""
    d = hidden(config)
    shape = heads(config, d, count=16, groups=16, width=256)
    return decoder(
        vocabulary(config),
        d,
        config.layers("num_hidden_layers", default=28),
        block(d, biased(config, d, shape), gated(d, config.size("intermediate_size", default=24576))),
    )


def forward(config: Config) -> Body:
    """Describe the pass through `GemmaModel`."""
    refuse(config, "use_bidirectional_attention")
    attention = rotated(heads(config, hidden(config), count=16, groups=16, width=256), config)
    layer = layer_pass(attention, gated_pass(config, activation="gelu_pytorch_tanh"), kind="rms_float")
    layers = config.layers("num_hidden_layers", default=28)
    return Body([layer] * layers, Norm("norm", "rms_float"), Words(scaled="within"))


FAMILY = Family(
    "gemma",
    classes("Gemma", body, hidden=hidden, vocabulary=vocabulary, tied_by_default=True, tasks=BUT_QUESTIONS),
    PromptSizes(hidden=3072, layers=28, heads=16, groups=16, head_width=256),
    forward=forward,
)
