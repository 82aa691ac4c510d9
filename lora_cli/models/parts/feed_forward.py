"""Feed-forward blocks that several families share."""

from __future__ import annotations

from lora_cli.models.parts.layers import Nodes, buffer, hollow, linear, parameter


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
    """Build two Linears with biases and an activation, as in ViT and CLIP."""
    return (*hollow("activation_fn"), *linear("fc1", d, inner, bias=True), *linear("fc2", inner, d, bias=True))


def up_down(d: int, inner: int, activation: Nodes, *, bias: bool = False) -> Nodes:
    """Build a feed-forward without a gate, whose projections are named as those of a gated one."""
    return (*linear("up_proj", d, inner, bias=bias), *linear("down_proj", inner, d, bias=bias), *activation)


def trained_activation(name: str, kind: str) -> Nodes:
    """Build an activation by its name in transformers: two of them have parameters.

    `transformers.activations.XIELUActivation`, `torch.nn.PReLU`.
    """
    if kind == "xielu":
        trained = *parameter(f"{name}.alpha_p", 1), *parameter(f"{name}.alpha_n", 1)
        return (*trained, *buffer(f"{name}.beta"), *buffer(f"{name}.eps"))
    return parameter(f"{name}.weight", 1) if kind == "prelu" else hollow(name)
