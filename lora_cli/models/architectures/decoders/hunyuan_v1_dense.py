"""Hunyuan, dense: `transformers.models.hunyuan_v1_dense`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention_with_head_norms, heads
from lora_cli.models.parts.decoder import classes, decoder
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.layers import Nodes, norm, under

hidden = size("hidden_size", 4096)
vocabulary = size("vocab_size", 290943)


def body(config: Config) -> Nodes:
    """Build `HunYuanDenseV1Model`."""
    d = hidden(config)
    norms = "query_layernorm", "key_layernorm"
    return decoder(
        vocabulary(config),
        d,
        config.layers("num_hidden_layers", default=32),
        attention_with_head_norms(config, d, heads(config, d, count=32), norms=norms),
        under("mlp", gated(d, config.size("intermediate_size", default=11008))),
        norm("input_layernorm", d),
        norm("post_attention_layernorm", d),
    )


TASKS = ("ForCausalLM", "Model", "ForSequenceClassification")
FAMILY = Family(
    "hunyuan_v1_dense",
    classes("HunYuanDenseV1", body, hidden=hidden, vocabulary=vocabulary, tasks=TASKS),
    PromptSizes(hidden=4096, layers=32, heads=32, groups="heads"),
    required=("head_dim",),
)
