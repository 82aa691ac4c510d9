"""MiniMax Text 01 and M1: `transformers.models.minimax`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention, heads
from lora_cli.models.parts.decoder import classes, layered_decoder
from lora_cli.models.parts.experts import experts
from lora_cli.models.parts.layer_types import layer_types
from lora_cli.models.parts.layers import Nodes, buffer, hollow, linear, norm, under

hidden = size("hidden_size", 4096)
vocabulary = size("vocab_size", 32000)
LINEAR = "linear_attention"


def lightning_attention(config: Config, d: int, count: int, width: int) -> Nodes:
    """Build `MiniMaxLightningAttention`: its weights, and the decays that it computes once."""
    block = config.size("block_size", default=256)
    return (
        *hollow("act_fn"),
        *norm("norm", count * width),
        *linear("qkv_proj", d, 3 * count * width),
        *linear("out_proj", count * width, d),
        *linear("output_gate", d, count * width),
        *buffer("slope_rate", count, 1, 1),
        *buffer("query_decay", count, block, 1),
        *buffer("key_decay", count, block, 1),
        *buffer("diagonal_decay", 1, count, block, block),
    )


def body(config: Config) -> Nodes:
    """Build `MiniMaxModel`, half of whose layers have linear attention."""
    d = hidden(config)
    shape = count, _, width = heads(config, d, count=32, groups=8)
    inner = config.size("intermediate_size", default=14336)
    routed = config.size("num_experts", "num_local_experts", default=8)
    common = [
        *norm("input_layernorm", d),
        *norm("post_attention_layernorm", d),
        *under("mlp", experts(d, inner, routed)),
    ]
    blocks = {
        True: [*under("self_attn", lightning_attention(config, d, count, width)), *common],
        False: [*under("self_attn", attention(d, *shape)), *common],
    }
    layers = config.layers("num_hidden_layers", default=32)
    types = layer_types(
        config, "layer_types", ["full_attention", LINEAR] * (layers // 2) + ["full_attention"] * (layers % 2)
    )
    return layered_decoder(vocabulary(config), d, [blocks[kind == LINEAR] for kind in types])


FAMILY = Family(
    "minimax",
    classes("MiniMax", body, hidden=hidden, vocabulary=vocabulary),
    PromptSizes(hidden=4096, layers=32, heads=32, groups=8),
)
