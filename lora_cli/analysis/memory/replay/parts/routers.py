"""Routers: what sends tokens to experts, and how much each expert's answer weighs."""

from __future__ import annotations

from collections.abc import Callable

from lora_cli.analysis.memory.replay.device import Device
from lora_cli.analysis.memory.replay.indexing import gather, integers, row_sum, sigmoid, top
from lora_cli.analysis.memory.replay.ledger import WEIGHTS, Storage
from lora_cli.analysis.memory.replay.operations import (
    FLOAT32,
    cast,
    clone,
    linear,
    makes,
    multiply,
    record,
    scale,
    softmax,
    wanted,
)
from lora_cli.analysis.memory.replay.parts.adapted_parameters import AdaptedParameters
from lora_cli.analysis.memory.replay.tape import Parameter, Tensor
from lora_cli.models.parts.forward_pass import Router, RouterKind

Routes = tuple[Tensor, Tensor]


def route(device: Device, name: str, own: Router, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the scores of all experts, and the weights and indices of those that each token is sent to."""
    weights = AdaptedParameters(device, name, {"weight": 1, **({"bias": 1} if own.bias else {})})
    d = x.numel // device.training.tokens
    count = device.parameter(f"{name}.weight").numel // d
    weight, bias = weights["weight"], device.parameter(f"{name}.bias") if own.bias else None
    if own.raised:
        multiply_by = linear if own.guarded else device.multiply
        scores = multiply_by(cast(x, FLOAT32), _raised(device, weight), None, d, count, of=WEIGHTS)
    else:
        scores = device.multiply(x, weight, bias, d, count, of=WEIGHTS)
    made, chosen = KINDS[own.kind](device, own, scores)
    return scores, cast(made, x.width) if own.lowered else made, chosen


def _raised(device: Device, weight: Parameter | Tensor) -> Parameter | Tensor:
    """Turn a weight into float32."""
    if weight.width == FLOAT32:
        return weight
    return record([weight], weight.numel, FLOAT32, makes(*wanted(weight)), tape=device.tape)


def _softmax(device: Device, own: Router, scores: Tensor) -> Routes:
    """`MixtralTopKRouter` and `Qwen3MoeTopKRouter`."""
    made, chosen = top(_probabilities(device, scores), device.training.tokens * own.top)
    return _normed(device, own, made), chosen


def _softmax_of_chosen(device: Device, own: Router, scores: Tensor) -> Routes:
    """`GptOssTopKRouter`, and `GraniteMoeTopKRouter`, whose scores are float32 until the end."""
    scores = cast(scores, FLOAT32) if own.lowered else scores
    made, chosen = top(scores, device.training.tokens * own.top)
    return softmax(made, made.width), chosen


def _sigmoid(device: Device, own: Router, scores: Tensor) -> Routes:
    """`DeepseekV3TopkRouter`, and `MiniMaxM2TopKRouter`, which turns the scores into float32."""
    scores = sigmoid(scores if own.raised else cast(scores, FLOAT32))
    chosen = _choice(device, own, scores)
    made = gather(scores, chosen.numel, chosen)
    return scale(_normed(device, own, made)), chosen


def _softmax_groups(device: Device, own: Router, scores: Tensor) -> Routes:
    """`DeepseekV2TopkRouter`."""
    scores = softmax(scores, FLOAT32)
    if own.groups > 1:
        mask = integers(device.tape, scores.numel, 1)
        scores = record([scores], scores.numel, FLOAT32, makes(scores.numel * FLOAT32), saves=[mask])
    made, chosen = top(scores, device.training.tokens * own.top)
    return scale(made), chosen


def _softmax_corrected(device: Device, own: Router, scores: Tensor) -> Routes:
    """`Ernie4_5_MoeTopKRouter`."""
    scores = softmax(scores, FLOAT32)
    chosen = _choice(device, own, scores)
    made = gather(scores, chosen.numel, chosen)
    return _normed(device, own, made), chosen


def _choice(device: Device, own: Router, scores: Tensor) -> Tensor:
    """Choose experts by their corrected scores, of which those of other groups are left out."""
    corrected = [Storage(device.tape, scores.numel * FLOAT32) for _ in range(2 if own.groups > 1 else 1)]
    chosen = integers(device.tape, device.training.tokens * own.top)
    del corrected
    return chosen


def _probabilities(device: Device, scores: Tensor) -> Tensor:
    """Return the softmax in float32, which CUDA turns float16 into within the kernel, and no other type."""
    fused = device.training.dtype == "float16"
    return softmax(scores if fused else cast(scores, FLOAT32), FLOAT32)


def _normed(device: Device, own: Router, x: Tensor) -> Tensor:
    """Divide weights by their sum in place, for which autograd copies them."""
    return multiply(clone(x), row_sum(x, device.training.tokens)) if own.normed else x


KINDS: dict[RouterKind, Callable[[Device, Router, Tensor], Routes]] = {
    "softmax": _softmax,
    "softmax_of_chosen": _softmax_of_chosen,
    "sigmoid": _sigmoid,
    "softmax_groups": _softmax_groups,
    "softmax_corrected": _softmax_corrected,
}
