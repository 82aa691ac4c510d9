"""Ministral 8B: `transformers.models.ministral`, whose modules are those of Mistral."""

from __future__ import annotations

from dataclasses import replace

from lora_cli.models.architectures.decoders import mistral
from lora_cli.models.config import Config
from lora_cli.models.family import Family
from lora_cli.models.parts.attention import heads
from lora_cli.models.parts.decoder import classes
from lora_cli.models.parts.decoder_pass import gated_layers, rotated
from lora_cli.models.parts.forward_pass import Body
from lora_cli.models.parts.layer_windows import layer_windows, optional_window


def forward(config: Config) -> Body:
    """Describe the pass through `MinistralModel`."""
    attention = rotated(heads(config, mistral.hidden(config), count=32, groups=8), config)
    window = optional_window(config, 4096)
    windows = layer_windows(
        config, config.layers("num_hidden_layers", default=32), window, lambda _: window is not None
    )
    return gated_layers(config, (attention._replace(window=each) for each in windows))


FAMILY = Family(
    "ministral",
    classes(
        "Ministral", mistral.body, hidden=mistral.hidden, vocabulary=mistral.vocabulary, questions_prefix="transformer"
    ),
    replace(mistral.FAMILY.sizes, head_width=None),
    required=("head_dim",),
    forward=forward,
)
