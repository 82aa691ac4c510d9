"""What encoder-decoders share: the layers of both stacks where they descend from BART, and a head of T5 and BART."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.models.config import Config
from lora_cli.models.parts.layers import Node, Nodes, hollow, linear, norm, repeat, under


def attention(name: str, d: int, *, key_bias: bool) -> Iterator[Node]:
    """Give attention of `d`, in which the key may lack the bias that the others have."""
    parts = (
        linear("k_proj", d, d, bias=key_bias),
        *(linear(part, d, d, bias=True) for part in ("v_proj", "q_proj", "out_proj")),
    )
    yield from under(name, *parts)
    yield from norm(f"{name}_layer_norm", d, bias=True)


def classification_head(d: int, labels: int) -> Iterator[Node]:
    """Give `BartClassificationHead`."""
    parts = linear("dense", d, d, bias=True), hollow("dropout"), linear("out_proj", d, labels, bias=True)
    return under("classification_head", *parts)


def stack_layers(
    config: Config, side: str, d: int, *, layers: int, heads: int, inner: int, key_bias: bool = True
) -> Nodes:
    """Give the layers of the stack that `side` names, encoder or decoder, with the defaults of its fields.

    `hidden_size`, `num_attention_heads` and `num_hidden_layers` mean the encoder's, as in the config's attribute_map.
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
