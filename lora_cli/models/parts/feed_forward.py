"""Feed-forward blocks that several families share."""

from __future__ import annotations

from lora_cli.models.parts.layers import Nodes, hollow, linear


def gated(d: int, inner: int, *, bias: bool = False) -> Nodes:
    """Build a gated feed-forward: gate, up, down and the activation."""
    return (
        *linear("gate_proj", d, inner, bias=bias),
        *linear("up_proj", d, inner, bias=bias),
        *linear("down_proj", inner, d, bias=bias),
        *hollow("act_fn"),
    )


def fused_gated(d: int, inner: int) -> Nodes:
    """Build a gated feed-forward whose gate and up are one Linear."""
    return (*linear("gate_up_proj", d, 2 * inner), *linear("down_proj", inner, d), *hollow("activation_fn"))


def ungated(d: int, inner: int) -> Nodes:
    """Build two Linears with biases around an activation, as in ViT and CLIP."""
    return (*linear("fc1", d, inner, bias=True), *hollow("activation_fn"), *linear("fc2", inner, d, bias=True))
