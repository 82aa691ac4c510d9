"""The text model of Qwen3.5, dense: `transformers.models.qwen3_5`."""

from __future__ import annotations

from lora_cli.models.architectures.hybrids.qwen3_next import delta_net_decoder
from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.decoder import classes
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.hybrid import kinds_by_interval
from lora_cli.models.parts.layers import Nodes

hidden = size("hidden_size", 4096)
vocabulary = size("vocab_size", 248320)
kinds = kinds_by_interval(32)


def body(config: Config) -> Nodes:
    """Build `Qwen3_5TextModel`."""
    d, each = hidden(config), kinds(config)
    feed_forward = gated(d, config.size("intermediate_size", default=12288))
    return delta_net_decoder(config, vocabulary(config), d, each, [feed_forward] * len(each), groups=4)


FAMILY = Family(
    "qwen3_5_text",
    {
        **classes("Qwen3_5", body, hidden=hidden, vocabulary=vocabulary, tasks=("ForCausalLM",)),
        **classes(
            "Qwen3_5Text", body, hidden=hidden, vocabulary=vocabulary, tasks=("Model", "ForSequenceClassification")
        ),
    },
    PromptSizes(hidden=4096, layers=32, heads=16, groups=4, head_width=256),
    filled={"layer_types": kinds},
)
