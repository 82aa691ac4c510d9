"""The heads of models and their losses (`transformers.loss.loss_utils`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from lora_cli.analysis.memory.replay.device import Device
from lora_cli.analysis.memory.replay.operations import FLOAT32, cast, dropout, makes, record
from lora_cli.analysis.memory.replay.parts.activations import activate
from lora_cli.analysis.memory.replay.tape import Kind, Tensor
from lora_cli.analysis.memory.training import Training
from lora_cli.models.parts.forward_pass import Dense, Head, LossKind


class Loss(NamedTuple):
    """A loss: how many labels of each kind a batch has, and how it is computed of the logits."""

    labels: Callable[[Training], Sequence[int]]
    of: Callable[[Tensor], Tensor]


def run_head(device: Device, head: Head, hidden: Tensor) -> tuple[Tensor, Tensor]:
    """Return the logits and their loss."""
    device.tape.kind = Kind.LOSS
    logits = hidden
    for step in head.steps:
        logits = STEPS[type(step)](device, step, logits)
    # The last hidden states are there until both are.
    return logits, LOSSES[head.loss].of(logits)


def _dense(device: Device, step: Dense, x: Tensor) -> Tensor:
    x = device.linear(step.name or device.setup.model.output or "", x)
    if step.activation is not None:
        x = activate(step.activation, x)
    return dropout(x, step.dropout)


STEPS: Mapping[type, Callable[[Device, Any, Tensor], Tensor]] = {Dense: _dense}


def cross_entropy(logits: Tensor) -> Tensor:
    """Return the cross entropy of scores."""
    backward = makes(logits.numel * logits.width)
    scores = record([logits], logits.numel, logits.width, backward, saves_output=True)
    return record([scores], 1, logits.width, backward, saves=[scores])


def _causal(logits: Tensor) -> Tensor:
    """`ForCausalLMLoss`: every token's scores in float32."""
    return cross_entropy(cast(logits, FLOAT32))


LOSSES: Mapping[LossKind, Loss] = {"causal": Loss(lambda training: [training.tokens], _causal)}
