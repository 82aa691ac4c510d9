"""SantaCoder and StarCoder 1: `transformers.models.gpt_bigcode`."""

from __future__ import annotations

from functools import partial

from lora_cli.errors import InvalidInput
from lora_cli.models.config import Config, flag
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.decoder import BUT_QUESTIONS, transformer_classes
from lora_cli.models.parts.kin.gpt2 import fused_decoder, heads, hidden, vocabulary
from lora_cli.models.parts.layers import Nodes, hollow, linear

is_shared = flag("multi_query", default=True)  # whether all heads have one key and value


def groups(config: Config) -> int:
    """Return the number of groups, for which the config class reads only the older name of the heads."""
    return 1 if is_shared(config) else config.size("n_head", default=12)


def body(config: Config) -> Nodes:
    """Build `GPTBigCodeModel`: GPT-2's with Linears, and by default with one key and value for all heads."""
    count = 1 if is_shared(config) else heads(config)
    if is_shared(config) and config.flag("add_cross_attention", default=False):
        raise InvalidInput(f"{config.source}: add_cross_attention is true; it needs multi_query to be false")
    return fused_decoder(config, partial(linear, bias=True), count, hollow("resid_dropout"))


FAMILY = Family(
    "gpt_bigcode",
    transformer_classes("GPTBigCode", body, hidden=hidden, vocabulary=vocabulary, tasks=BUT_QUESTIONS),
    PromptSizes(hidden=768, layers=12, heads=12, groups=groups),
    feed_forward="n_inner",
)
