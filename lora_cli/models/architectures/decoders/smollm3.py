"""SmolLM3: `transformers.models.smollm3`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import biased, heads
from lora_cli.models.parts.decoder import block, classes, decoder
from lora_cli.models.parts.decoder_pass import gated_layers, rotated
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.forward_pass import Body
from lora_cli.models.parts.layer_windows import layer_windows, optional_window
from lora_cli.models.parts.layers import Nodes

hidden = size("hidden_size", 2048)
vocabulary = size("vocab_size", 128256)


def body(config: Config) -> Nodes:
    """Build `SmolLM3Model`."""
    d = hidden(config)
    shape = heads(config, d, count=16, groups=4)
    inner = config.size("intermediate_size", default=11008)
    return decoder(
        vocabulary(config),
        d,
        config.layers("num_hidden_layers", default=36),
        block(d, biased(config, d, shape), gated(d, inner, bias=config.flag("mlp_bias", default=False))),
    )


def forward(config: Config) -> Body:
    """Describe the pass through `SmolLM3Model`, of whose layers every fourth has no positions."""
    layers = config.layers("num_hidden_layers", default=36)
    attention = rotated(heads(config, hidden(config), count=16, groups=4), config)
    every = config.size("no_rope_layer_interval", default=4)
    turned = config.items("no_rope_layers") or [(index + 1) % every for index in range(layers)]
    window = optional_window(config, None) if config.flag("use_sliding_window", default=False) else None
    windows = layer_windows(config, layers, window, lambda index: window is not None and not turned[index])
    attentions = (
        attention._replace(window=window, rotary=attention.rotary if turn else 0)
        for window, turn in zip(windows, turned, strict=True)
    )
    return gated_layers(config, attentions)


FAMILY = Family(
    "smollm3",
    classes(
        "SmolLM3", body, hidden=hidden, vocabulary=vocabulary, tied_by_default=True, questions_prefix="transformer"
    ),
    PromptSizes(hidden=2048, layers=36, heads=16, groups=4),
    forward=forward,
)
