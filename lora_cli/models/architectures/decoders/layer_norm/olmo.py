"""OLMo 1: `transformers.models.olmo`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import biased, heads
from lora_cli.models.parts.decoder import classes, decoder
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.layers import Nodes, hollow, under

hidden = size("hidden_size", 4096)
vocabulary = size("vocab_size", 50304)


def body(config: Config) -> Nodes:
    """Build `OlmoModel`, whose norms have no parameters."""
    d = hidden(config)
    return decoder(
        vocabulary(config),
        d,
        config.layers("num_hidden_layers", default=32),
        under("self_attn", biased(config, d, heads(config, d, count=32))),
        under("mlp", gated(d, config.size("intermediate_size", default=11008))),
        hollow("input_layernorm", "post_attention_layernorm"),
        final=hollow("norm"),
    )


TASKS = ("ForCausalLM", "Model", "ForSequenceClassification")
FAMILY = Family(
    "olmo",
    classes("Olmo", body, hidden=hidden, vocabulary=vocabulary, tasks=TASKS),
    PromptSizes(hidden=4096, layers=32, heads=32, groups="heads"),
)
