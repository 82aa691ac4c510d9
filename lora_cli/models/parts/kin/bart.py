"""Models that descend from BART: the layers of both stacks, which decoders alone have as well."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.models.config import Config
from lora_cli.models.parts.layers import Node, Nodes, embedding, hollow, linear, plain_norm, repeat, under


def attention(name: str, d: int, *, bias: bool, key_bias: bool, affine: bool) -> Iterator[Node]:
    """Build attention of width `d` and its norm. The key can have no bias where the others have one."""
    parts = (
        linear("k_proj", d, d, bias=bias and key_bias),
        *(linear(part, d, d, bias=bias) for part in ("v_proj", "q_proj", "out_proj")),
    )
    yield from under(name, *parts)
    yield from plain_norm(f"{name}_layer_norm", d, affine=affine)


def layer(
    d: int, inner: int, *, crosses: bool = False, bias: bool = True, key_bias: bool = True, affine: bool = True
) -> Iterator[Node]:
    """Build a layer: one that `crosses` also attends to what the encoder returned. Its norms have parameters where they are `affine`."""
    for name in ("self_attn", "encoder_attn") if crosses else ("self_attn",):
        yield from attention(name, d, bias=bias, key_bias=key_bias, affine=affine)
    yield from hollow("activation_fn")
    yield from linear("fc1", d, inner, bias=bias)
    yield from linear("fc2", inner, d, bias=bias)
    yield from plain_norm("final_layer_norm", d, affine=affine)


def stack_layers(
    config: Config, side: str, d: int, *, layers: int, heads: int, inner: int, key_bias: bool = True
) -> Nodes:
    """Build the layers of one stack; `side` is encoder or decoder, and the other arguments are the defaults.

    `num_attention_heads` and `num_hidden_layers` are the encoder's, as in the config's attribute_map.
    """
    older = {"heads": ("num_attention_heads",), "layers": ("num_hidden_layers",)} if side == "encoder" else {}
    heads_name = f"{side}_attention_heads"
    config.share(d, "d_model", config.size(*older.get("heads", ()), heads_name, default=heads), heads_name)
    inner = config.size(f"{side}_ffn_dim", default=inner)
    count = config.layers(*older.get("layers", ()), f"{side}_layers", default=layers)
    return repeat("layers", count, layer(d, inner, crosses=side == "decoder", key_bias=key_bias))


def positions(config: Config, d: int) -> Nodes:
    """Build the positions of a stack."""
    return embedding("embed_positions", config.size("max_position_embeddings", default=1024), d)


def offset_positions(config: Config, d: int) -> Nodes:
    """Build positions that start at 2, as in `BartLearnedPositionalEmbedding`."""
    return embedding("embed_positions", config.size("max_position_embeddings", default=1024) + 2, d)
