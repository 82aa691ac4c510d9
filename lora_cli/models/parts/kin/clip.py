"""What the two towers of CLIP share."""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.parts.feed_forward import ungated
from lora_cli.models.parts.layers import Nodes, linear, norm, repeat, under


def projection(name: str, config: Config, d: int) -> Nodes:
    """Build the Linear from a tower's width `d` to the width that the towers share."""
    return linear(name, d, config.size("projection_dim", default=512))


def encoder(config: Config, d: int, *, heads: int, inner: int, layers: int = 12, norms_first: bool = False) -> Nodes:
    """Build `CLIPEncoder`. The arguments are the defaults that differ between the towers.

    `norms_first` says that a norm stands before what it norms, as in SigLIP. PEFT goes by the order of modules.
    """
    config.share(d, "hidden_size", config.size("num_attention_heads", default=heads), "num_attention_heads")
    attention = under(
        "self_attn", *(linear(name, d, d, bias=True) for name in ("k_proj", "v_proj", "q_proj", "out_proj"))
    )
    feed_forward = under("mlp", ungated(d, config.size("intermediate_size", default=inner)))
    norms = norm("layer_norm1", d, bias=True), norm("layer_norm2", d, bias=True)
    block = (
        (norms[0], attention, norms[1], feed_forward) if norms_first else (attention, norms[0], feed_forward, norms[1])
    )
    return repeat("encoder.layers", config.layers("num_hidden_layers", default=layers), *block)
