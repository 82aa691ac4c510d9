"""Qwen3, dense: `transformers.models.qwen3`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention_with_head_norms, heads
from lora_cli.models.parts.decoder import block, classes, decoder
from lora_cli.models.parts.decoder_pass import gated_layers, head_norms, rotated
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.forward_pass import Body
from lora_cli.models.parts.layer_windows import switched_windows
from lora_cli.models.parts.layers import Nodes

hidden = size("hidden_size", 4096)
vocabulary = size("vocab_size", 151936)


def body(config: Config) -> Nodes:
    """Build `Qwen3Model`."""
    d = hidden(config)
    shape = heads(config, d, count=32, groups=32, width=128)
    inner = config.size("intermediate_size", default=22016)
    return decoder(
        vocabulary(config),
        d,
        config.layers("num_hidden_layers", default=32),
        block(d, attention_with_head_norms(config, d, shape), gated(d, inner)),
    )


def forward(config: Config) -> Body:
    """Describe the pass through `Qwen3Model`."""
    attention = rotated(heads(config, hidden(config), count=32, groups=32, width=128), config)
    attention = attention._replace(norms=head_norms())
    windows = switched_windows(config, config.layers("num_hidden_layers", default=32))
    return gated_layers(config, (attention._replace(window=window) for window in windows))


FAMILY = Family(
    "qwen3",
    classes("Qwen3", body, hidden=hidden, vocabulary=vocabulary, questions_prefix="transformer"),
    PromptSizes(hidden=4096, layers=32, heads=32, groups=32, head_width=128),
    forward=forward,
)
