"""The language model of Qwen3-Omni's thinker: `transformers.models.qwen3_omni_moe`."""

from __future__ import annotations

from lora_cli.models.architectures.mixtures.qwen3_moe import of_sizes
from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.layers import Nodes, Skeleton

hidden = size("hidden_size", 2048)
vocabulary = size("vocab_size", 3584)


def body(config: Config) -> Nodes:
    """Build `Qwen3OmniMoeThinkerTextModel`."""
    counts = ("num_experts",)
    return of_sizes(config, hidden(config), vocabulary(config), layers=28, heads=28, inner=18944, counts=counts)


def bare(config: Config) -> Skeleton:
    """Build the class that has only the body."""
    return Skeleton(body(config), embeddings="embed_tokens")


FAMILY = Family(
    "qwen3_omni_moe_text",
    {"Qwen3OmniMoeThinkerTextModel": bare},
    PromptSizes(hidden=2048, layers=28, heads=28, groups=4),
)
