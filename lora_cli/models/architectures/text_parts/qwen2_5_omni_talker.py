"""The part of Qwen2.5-Omni that writes speech tokens: `transformers.models.qwen2_5_omni`."""

from __future__ import annotations

from lora_cli.models.architectures.text_parts.qwen2_5_omni_text import hidden, of_sizes
from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.layers import Nodes, Skeleton, linear, under

vocabulary = size("vocab_size", 8448)
# The width of the thinker, whose words the talker hears.
width = size("embedding_size", 3584)


def bare(config: Config) -> Skeleton:
    """Build `Qwen2_5OmniTalkerModel`."""
    return Skeleton(of_sizes(config, vocabulary(config), width(config), head_width=128), embeddings="embed_tokens")


def talker(config: Config) -> Nodes:
    """Build `Qwen2_5OmniTalkerForConditionalGeneration`, which says of no module that it scores words."""
    return [
        *linear("thinker_to_talker_proj", width(config), hidden(config), bias=True),
        *under("model", bare(config).nodes),
        *linear("codec_head", hidden(config), vocabulary(config)),
    ]


def generation(config: Config) -> Skeleton:
    """Build the same as a model by itself."""
    return Skeleton(talker(config), embeddings="model.embed_tokens")


FAMILY = Family(
    "qwen2_5_omni_talker",
    {"Qwen2_5OmniTalkerForConditionalGeneration": generation, "Qwen2_5OmniTalkerModel": bare},
    PromptSizes(hidden=3584, layers=28, heads=28, groups=4, head_width=128),
)
