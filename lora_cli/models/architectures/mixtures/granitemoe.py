"""Granite 3 with experts: `transformers.models.granitemoe`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import biased, heads
from lora_cli.models.parts.decoder import TASKS, classes, decoder
from lora_cli.models.parts.decoder_pass import heads_with, layer_pass, rotated
from lora_cli.models.parts.experts import experts
from lora_cli.models.parts.forward_pass import Body, Experts, Router, Words
from lora_cli.models.parts.layers import Nodes, norm, under
from lora_cli.models.parts.passes.class_heads import Scaled

hidden = size("hidden_size", 4096)
vocabulary = size("vocab_size", 32000)


def body(config: Config, shared: Nodes = ()) -> Nodes:
    """Build `GraniteMoeModel`, or one of its kin whose layers have a `shared` feed-forward too."""
    d = hidden(config)
    inner = config.size("intermediate_size", default=11008)
    count = config.size("num_local_experts", default=8)
    return decoder(
        vocabulary(config),
        d,
        config.layers("num_hidden_layers", default=32),
        under("self_attn", biased(config, d, heads(config, d, count=32))),
        norm("input_layernorm", d),
        norm("post_attention_layernorm", d),
        under("block_sparse_moe", experts(d, inner, count, router="router")),
        shared,
    )


def forward(config: Config) -> Body:
    """Describe the pass through `GraniteMoeModel`."""
    router = Router(config.size("num_experts_per_tok", default=2), name="router", kind="softmax_of_chosen")
    attention = rotated(heads(config, hidden(config), count=32), config)
    mixture = Experts(router, name="block_sparse_moe", activation=config.text("hidden_act", default="silu"))
    layer = layer_pass(attention, mixture, scaled=True)
    return Body([layer] * config.layers("num_hidden_layers", default=32), embeddings=Words(scaled="after"))


FAMILY = Family(
    "granitemoe",
    classes("GraniteMoe", body, hidden=hidden, vocabulary=vocabulary, tasks=TASKS[:2]),
    PromptSizes(hidden=4096, layers=32, heads=32, groups="heads"),
    forward=forward,
    heads=heads_with(lambda _: (Scaled(),)),
)
