"""The heads of models and their losses (`transformers.loss.loss_utils`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from lora_cli.analysis.memory.replay.chunked_loss import chunked_loss
from lora_cli.analysis.memory.replay.device import Device
from lora_cli.analysis.memory.replay.ledger import Kind, Storage
from lora_cli.analysis.memory.replay.operations import (
    FLOAT32,
    add,
    cast,
    clone,
    dropout,
    makes,
    part,
    record,
    scale,
    soft_cap,
    split,
    take,
)
from lora_cli.analysis.memory.replay.parts.activations import activate
from lora_cli.analysis.memory.replay.parts.norms import normalise
from lora_cli.analysis.memory.replay.tape import Tensor
from lora_cli.analysis.memory.training import Training
from lora_cli.models.parts.forward_pass import Norm
from lora_cli.models.parts.passes.class_heads import (
    Dense,
    Dropout,
    FirstToken,
    Head,
    LastToken,
    LossKind,
    Scaled,
    SoftCapped,
)


class Loss(NamedTuple):
    """A loss: how many labels of each kind a batch has, and how it is computed of the logits."""

    labels: Callable[[Training], Sequence[int]]
    of: Callable[[Device, Tensor], Tensor]


def run_head(device: Device, head: Head, hidden: Tensor) -> tuple[Tensor, Tensor]:
    """Return the logits and their loss. With a loss in chunks there are no logits."""
    device.tape.kind = Kind.LOSS
    if device.training.loss == "chunked":
        name = device.setup.model.output or ""
        loss = chunked_loss(device, name, hidden, lambda scores: _run_steps(device, head.steps[1:], scores))
        return Tensor(Storage(device.tape, 0), 0, FLOAT32), loss
    # The last hidden states are there until the loss is.
    logits = _run_steps(device, head.steps, hidden)
    return logits, LOSSES[head.loss].of(device, logits)


def _run_steps(device: Device, steps: Sequence[object], x: Tensor) -> Tensor:
    for step in steps:
        x = STEPS[type(step)](device, step, x)
    return x


def _dense(device: Device, step: Dense, x: Tensor) -> Tensor:
    x = device.linear(step.name or device.setup.model.output or "", x)
    if step.activation is not None:
        x = activate(device, step.activation, x)
    return dropout(x, step.dropout)


def _scaled(_: Device, __: Scaled, x: Tensor) -> Tensor:
    return scale(x)


def _dropout(_: Device, step: Dropout, x: Tensor) -> Tensor:
    return dropout(x, step.probability)


def _first_token(device: Device, _: FirstToken, x: Tensor) -> Tensor:
    return part(x, x.numel // device.training.seq)


def _norm(device: Device, step: Norm, x: Tensor) -> Tensor:
    return normalise(device, step.name, step, x)


def _last_token(device: Device, _: LastToken, x: Tensor) -> Tensor:
    return take(x, x.numel // device.training.seq)


def _soft_capped(_: Device, __: SoftCapped, x: Tensor) -> Tensor:
    return soft_cap(x)


STEPS: Mapping[type, Callable[[Device, Any, Tensor], Tensor]] = {
    Dense: _dense,
    Dropout: _dropout,
    FirstToken: _first_token,
    LastToken: _last_token,
    Norm: _norm,
    Scaled: _scaled,
    SoftCapped: _soft_capped,
}


def cross_entropy(device: Device, logits: Tensor) -> Tensor:
    """Return the cross entropy of scores: `cross_entropy_loss` (aten/src/ATen/native/LossNLL.cpp).

    It names the type of its softmax, so that autocast leaves that as it is, and takes the rest in float32.
    """
    backward = makes(logits.numel * logits.width)
    scores = record([logits], logits.numel, logits.width, backward, saves_output=True)
    scores = device.upper(scores)
    return record([scores], 1, scores.width, makes(scores.numel * scores.width), saves=[scores])


def _in_float(device: Device, logits: Tensor) -> Tensor:
    """`ForCausalLMLoss`, `ForTokenClassification`: every token's scores in float32."""
    return cross_entropy(device, cast(logits, FLOAT32))


def _spans(device: Device, logits: Tensor) -> Tensor:
    """`ForQuestionAnsweringLoss`: that of where an answer begins, and that of where it ends."""
    ends = [clone(each) for each in split(logits, logits.numel // 2, logits.numel // 2)]
    begin, end = (cross_entropy(device, each) for each in ends)
    return scale(add(begin, end))


LOSSES: Mapping[LossKind, Loss] = {
    "causal": Loss(lambda training: [training.tokens], _in_float),
    "tokens": Loss(lambda training: [training.tokens], _in_float),
    "masked": Loss(lambda training: [training.tokens], cross_entropy),
    "sequences": Loss(lambda training: [training.batch], cross_entropy),
    "spans": Loss(lambda training: [training.batch] * 2, _spans),
}
