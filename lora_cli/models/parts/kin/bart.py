"""Encoder-decoders that descend from BART: the layers of both stacks."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.models.config import Config
from lora_cli.models.parts.layers import Node, Nodes, embedding, hollow, linear, norm, repeat, under


def attention(name: str, d: int, *, key_bias: bool) -> Iterator[Node]:
    """Build attention of width `d` and its norm. `key_bias` says whether the key has a bias, as the others do."""
    parts = (
        linear("k_proj", d, d, bias=key_bias),
        *(linear(part, d, d, bias=True) for part in ("v_proj", "q_proj", "out_proj")),
    )
    yield from under(name, *parts)
    yield from norm(f"{name}_layer_norm", d, bias=True)


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
    crossing = attention("encoder_attn", d, key_bias=key_bias) if side == "decoder" else ()
    return repeat(
        "layers",
        config.layers(*older.get("layers", ()), f"{side}_layers", default=layers),
        attention("self_attn", d, key_bias=key_bias),
        crossing,
        hollow("activation_fn"),
        linear("fc1", d, inner, bias=True),
        linear("fc2", inner, d, bias=True),
        norm("final_layer_norm", d, bias=True),
    )


def positions(config: Config, d: int) -> Nodes:
    """Build the positions of a stack."""
    return embedding("embed_positions", config.size("max_position_embeddings", default=1024), d)


def offset_positions(config: Config, d: int) -> Nodes:
    """Build positions that start at 2, as in `BartLearnedPositionalEmbedding`."""
    return embedding("embed_positions", config.size("max_position_embeddings", default=1024) + 2, d)
