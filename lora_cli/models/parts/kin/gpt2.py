"""GPT-2's decoder, which SantaCoder and StarCoder 1 have with Linears, and GPT-Neo with other attention."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lora_cli.models.config import Config, size
from lora_cli.models.parts.layers import Node, Nodes, embedding, hollow, norm, repeat, under

hidden = size("hidden_size", 768, "n_embd")
vocabulary = size("vocab_size", 50257)
heads = size("num_attention_heads", 12, "n_head")
Projection = Callable[[str, int, int], Nodes]


def width(config: Config) -> int:
    """Return the width of a head."""
    return config.share(hidden(config), "n_embd", heads(config), "n_head")


def layers(config: Config) -> int:
    """Return the number of layers."""
    return config.layers("num_hidden_layers", "n_layer", default=12)


def block(config: Config, projection: Projection, groups: int, dropouts: Nodes) -> Iterator[Node]:
    """Build a block, of which one `projection` is for q, and for k and v of so many `groups` of heads."""
    d = hidden(config)
    keys_values = 2 * groups * width(config)
    inner = config.size("n_inner", default=4 * d)
    output = (*projection("c_proj", d, d), *dropouts)
    yield from norm("ln_1", d, bias=True)
    yield from under("attn", projection("c_attn", d, d + keys_values), output)
    yield from norm("ln_2", d, bias=True)
    if config.flag("add_cross_attention", default=False):
        yield from under("crossattention", projection("c_attn", d, 2 * d), projection("q_attn", d, d), output)
        yield from norm("ln_cross_attn", d, bias=True)
    yield from under("mlp", projection("c_fc", d, inner), projection("c_proj", inner, d), hollow("act", "dropout"))


def fused_decoder(config: Config, projection: Projection, groups: int, dropouts: Nodes) -> Nodes:
    """Build a decoder of such blocks."""
    positions = config.size("max_position_embeddings", "n_positions", default=1024)
    own = block(config, projection, groups, dropouts)
    return decoder(vocabulary(config), hidden(config), positions, layers(config), own)


def decoder(vocabulary: int, d: int, positions: int, layers: int, *block: Nodes) -> Nodes:
    """Build embeddings of words and of positions, the layers and the last norm."""
    return [
        *embedding("wte", vocabulary, d),
        *embedding("wpe", positions, d),
        *repeat("h", layers, *block),
        *norm("ln_f", d, bias=True),
        *hollow("drop"),
    ]
