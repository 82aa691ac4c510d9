"""Bamba, Mamba-2 with attention in a few layers: `transformers.models.bamba`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention, heads
from lora_cli.models.parts.decoder import CAUSAL_OR_BARE, classes
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.hybrid import indices, layered_decoder
from lora_cli.models.parts.layers import Nodes, norm, under
from lora_cli.models.parts.state_space import hybrid_mamba2

hidden = size("hidden_size", 4096)
vocabulary = size("vocab_size", 128000)


def body(config: Config) -> Nodes:
    """Build `BambaModel`, with attention in the layers of `attn_layer_indices`."""
    d = hidden(config)
    bias = config.flag("attention_bias", default=False)
    inner = config.size("intermediate_size", default=14336)
    common = [
        *under("feed_forward", gated(d, inner, bias=config.flag("mlp_bias", default=False))),
        *norm("input_layernorm", d),
        *norm("pre_ff_layernorm", d),
    ]
    shape = heads(config, d, count=32, groups=8)
    mamba = [*common, *under("mamba", hybrid_mamba2(config, d, config.size("mamba_expand", default=2) * d))]
    attending = [*common, *under("self_attn", attention(d, *shape, bias=bias, output_bias=bias))]
    attended = indices(config, "attn_layer_indices") or frozenset()
    layers = range(config.layers("num_hidden_layers", default=32))
    blocks = (attending if index in attended else mamba for index in layers)
    return layered_decoder(vocabulary(config), d, blocks, final="final_layernorm")


FAMILY = Family(
    "bamba",
    classes("Bamba", body, hidden=hidden, vocabulary=vocabulary, tasks=CAUSAL_OR_BARE),
    PromptSizes(hidden=4096, layers=32, heads=32, groups=8),
)
