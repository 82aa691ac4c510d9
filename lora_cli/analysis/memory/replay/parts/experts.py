"""Mixtures of experts, whose fused weights are multiplied with all tokens of an expert at once (`torch._grouped_mm`).

How many tokens an expert takes depends on the data, but not what all of them take together.
"""

from __future__ import annotations

from lora_cli.analysis.memory.replay.device import Device
from lora_cli.analysis.memory.replay.indexing import gather, integers, sigmoid
from lora_cli.analysis.memory.replay.ledger import WEIGHTS, Storage
from lora_cli.analysis.memory.replay.operations import (
    FLOAT32,
    add,
    cast,
    makes,
    multiply,
    part,
    record,
    scale,
    shift,
    split,
    wanted,
)
from lora_cli.analysis.memory.replay.parts.activations import activate
from lora_cli.analysis.memory.replay.parts.adapted_parameters import AdaptedParameters
from lora_cli.analysis.memory.replay.parts.feed_forward import feed_forward
from lora_cli.analysis.memory.replay.parts.routers import route
from lora_cli.analysis.memory.replay.tape import Parameter, Tensor
from lora_cli.models.parts.forward_pass import Experts, FeedForward

INT32 = 4


def mix(device: Device, name: str, own: Experts, x: Tensor) -> Tensor:
    """Run a router, the experts, and the one that every token takes."""
    first = _shared(device, name, own.shared, x) if own.shared and own.shared_first else None
    scores, weights, chosen = route(device, f"{name}.{own.router.name}", own.router, x)
    count = scores.numel // device.training.tokens
    out = _grouped(device, f"{name}.experts", own, count, x, weights, chosen)
    del scores
    if own.shared is None:
        return out
    shared = first or _shared(device, name, own.shared, x)
    if own.shared_gate:
        shared = multiply(sigmoid(device.linear(f"{name}.{own.shared_gate}", x)), shared)
    return add(out, shared)


def _shared(device: Device, name: str, own: FeedForward, x: Tensor) -> Tensor:
    return feed_forward(device, f"{name}.{own.name}", own, x)


def _grouped(device: Device, name: str, own: Experts, count: int, x: Tensor, weights: Tensor, chosen: Tensor) -> Tensor:
    """Run `grouped_mm_experts_forward`: the tokens sorted by expert, each as often as it has experts."""
    tape, pairs, times = device.tape, chosen.numel, own.router.top
    beside = {"gate_up_proj_bias": 1, "down_proj_bias": 1} if own.bias else {}
    fused = AdaptedParameters(
        device, name, {"gate_up_proj": count, "down_proj": count, **beside}, transposed=own.transposed
    )
    experts, order = integers(tape, pairs), integers(tape, pairs)
    rows = gather(x, x.numel * times, integers(tape, pairs))
    shares = gather(weights, pairs, order)
    counts = [Storage(tape, size * INT32) for size in (pairs, count, count)]
    bias = _biases(device, f"{name}.gate_up_proj_bias", own, count, pairs)
    out = _grouped_product(rows, fused["gate_up_proj"], count, pairs)
    out = _clamped(out) if own.clamped else _gated(device, own, out)
    bias = _biases(device, f"{name}.down_proj_bias", own, count, pairs)
    out = _grouped_product(out, fused["down_proj"], count, pairs)
    weighted = multiply(out, shares)
    back = integers(tape, pairs)
    weighted = gather(weighted, weighted.numel, back)
    made = _summed(device, weighted, x.numel)
    del experts, order, counts, bias, back
    return cast(made, x.width)


def _biases(device: Device, name: str, own: Experts, count: int, pairs: int) -> Storage | None:
    """Return the bias of each row, which is added in place."""
    if not own.bias:
        return None
    parameter = device.parameter(name)
    return Storage(device.tape, parameter.numel // count * pairs * parameter.width)


def _grouped_product(x: Tensor, weight: Parameter | Tensor, experts: int, pairs: int) -> Tensor:
    """Multiply the rows of each expert by its weight, in the weight's type; the weight's gradient is made first."""
    x = cast(x, weight.width)
    saves = [x] if weight.requires_grad else []
    if isinstance(weight, Tensor) and x.requires_grad:
        saves.append(weight)
    numel = weight.numel // experts // (x.numel // pairs) * pairs
    flops = 2 * x.numel * numel // pairs
    times = x.requires_grad + weight.requires_grad
    made = makes(*reversed(wanted(x, weight)), of=WEIGHTS, flops=flops * times)
    return record(
        [x, weight],
        numel,
        weight.width,
        lambda gradient: [*reversed(made(gradient))],
        saves=saves,
        of=WEIGHTS,
        flops=flops,
    )


def _gated(device: Device, own: Experts, x: Tensor) -> Tensor:
    """Multiply one half of each row with the activated other (`_default_apply_gate`)."""
    gate, up = split(x, x.numel // 2, x.numel // 2)
    return multiply(activate(device, own.activation, gate), up)


def _clamped(x: Tensor) -> Tensor:
    """`GptOssExperts._apply_gate`: every second value is a gate; both it and the others are bounded."""
    gate, up = part(x, x.numel // 2), part(x, x.numel // 2)
    gate, up = _bounded(gate, 1), _bounded(up, 2)
    inner = multiply(gate, sigmoid(scale(gate)))
    return multiply(shift(up), inner)


def _bounded(x: Tensor, bounds: int) -> Tensor:
    """Clamp values, whose gradient takes a byte for each and each bound (`clamp`)."""
    backward = makes(x.numel * x.width, beside=[x.numel] * bounds)
    return record([x], x.numel, x.width, backward, saves=[x])


def _summed(device: Device, x: Tensor, numel: int) -> Tensor:
    """Add up what each token's experts return; autocast does so in float32."""
    width = FLOAT32 if device.training.autocast else x.width
    return record([x], numel, width, makes(x.numel * x.width))
