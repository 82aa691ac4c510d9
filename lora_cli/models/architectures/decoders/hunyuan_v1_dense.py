"""Hunyuan, dense: `transformers.models.hunyuan_v1_dense`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention_with_head_norms, heads
from lora_cli.models.parts.decoder import block, classes, decoder
from lora_cli.models.parts.decoder_pass import gated_pass, head_norms, layer_pass, rotated
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.forward_pass import Body
from lora_cli.models.parts.layers import Nodes

hidden = size("hidden_size", 4096)
vocabulary = size("vocab_size", 290943)


def body(config: Config) -> Nodes:
    """Build `HunYuanDenseV1Model`."""
    d = hidden(config)
    norms = "query_layernorm", "key_layernorm"
    inner = config.size("intermediate_size", default=11008)
    return decoder(
        vocabulary(config),
        d,
        config.layers("num_hidden_layers", default=32),
        block(d, attention_with_head_norms(config, d, heads(config, d, count=32), norms=norms), gated(d, inner)),
    )


def forward(config: Config) -> Body:
    """Describe the pass through `HunYuanDenseV1Model`, which norms q and k once they are rotated."""
    attention = rotated(heads(config, hidden(config), count=32), config)
    norms = head_norms(names=("query_layernorm", "key_layernorm"))
    layer = layer_pass(attention._replace(norms=norms, norm_time="rotated"), gated_pass(config))
    return Body([layer] * config.layers("num_hidden_layers", default=32))


TASKS = ("ForCausalLM", "Model", "ForSequenceClassification")
FAMILY = Family(
    "hunyuan_v1_dense",
    classes("HunYuanDenseV1", body, hidden=hidden, vocabulary=vocabulary, tasks=TASKS),
    PromptSizes(hidden=4096, layers=32, heads=32, groups="heads"),
    required=("head_dim",),
    forward=forward,
)
