"""Feed-forwards, gated or plain."""

from __future__ import annotations

from lora_cli.analysis.memory.replay.device import Device
from lora_cli.analysis.memory.replay.operations import cast, dropout, multiply, split
from lora_cli.analysis.memory.replay.parts.activations import activate
from lora_cli.analysis.memory.replay.tape import Tensor
from lora_cli.models.parts.forward_pass import FeedForward


def feed_forward(device: Device, name: str, own: FeedForward, x: Tensor) -> Tensor:
    """Run a feed-forward."""
    if own.gated and len(own.inputs) == 1:
        return _fused(device, name, own, x)
    if own.gated:
        gate, up = own.inputs
        inner = multiply(
            activate(device, own.activation, device.linear(f"{name}.{gate}", x)), device.linear(f"{name}.{up}", x)
        )
    else:
        inner = activate(device, own.activation, device.linear(f"{name}.{own.inputs[0]}", x))
    inner = dropout(inner, own.inner_dropout)
    output = f"{name}.{own.output}"
    if own.casts_inner:
        inner = cast(inner, device.weights(output).weight.width)
    if own.keeps:
        device.kept_in_branch.append(inner)
    return dropout(device.linear(output, inner), own.dropout)


def _fused(device: Device, name: str, own: FeedForward, x: Tensor) -> Tensor:
    """Run one whose gate and up are halves of one product (`Phi3MLP`)."""
    both = device.linear(f"{name}.{own.inputs[0]}", x)
    gate, up = split(both, both.numel // 2, both.numel // 2)
    up = multiply(up, activate(device, own.activation, gate))
    return dropout(device.linear(f"{name}.{own.output}", up), own.dropout)
