"""The text model of Qwen3.5 with experts: `transformers.models.qwen3_5_moe`."""

from __future__ import annotations

from lora_cli.models.architectures.hybrids.qwen3_next import delta_net_decoder, mixture
from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.decoder import classes
from lora_cli.models.parts.hybrid import kinds_by_interval
from lora_cli.models.parts.layers import Nodes

hidden = size("hidden_size", 2048)
vocabulary = size("vocab_size", 248320)
kinds = kinds_by_interval(40)


def body(config: Config) -> Nodes:
    """Build `Qwen3_5MoeTextModel`, which has experts in every layer."""
    d, each = hidden(config), kinds(config)
    experts = mixture(config, d, config.size("num_experts", default=256))
    return delta_net_decoder(config, vocabulary(config), d, each, [experts] * len(each), groups=2)


FAMILY = Family(
    "qwen3_5_moe_text",
    {
        **classes("Qwen3_5Moe", body, hidden=hidden, vocabulary=vocabulary, tasks=("ForCausalLM",)),
        **classes("Qwen3_5MoeText", body, hidden=hidden, vocabulary=vocabulary, tasks=("Model",)),
    },
    PromptSizes(hidden=2048, layers=40, heads=16, groups=2, head_width=256),
    feed_forward=None,
    filled={"layer_types": kinds},
)
