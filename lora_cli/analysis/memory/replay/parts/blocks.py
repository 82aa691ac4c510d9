"""The blocks that families declare, run on a tape."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lora_cli.analysis.memory.replay.device import Device
from lora_cli.analysis.memory.replay.operations import add, dropout
from lora_cli.analysis.memory.replay.parts.attention import attend
from lora_cli.analysis.memory.replay.parts.experts import mix
from lora_cli.analysis.memory.replay.parts.feed_forward import feed_forward
from lora_cli.analysis.memory.replay.parts.norms import normalise
from lora_cli.analysis.memory.replay.tape import Tensor
from lora_cli.models.parts.forward_pass import Attention, Block, Branch, Experts, FeedForward, Norm

# How each part runs: from the device, the part's name in the model, its declaration and its input.
PARTS: Mapping[type, Callable[[Device, str, Any, Tensor], Tensor]] = {
    Attention: attend,
    FeedForward: feed_forward,
    Experts: mix,
}


def run_block(device: Device, name: str, block: Block, x: Tensor) -> Tensor:
    """Run a layer: each branch is added to the residual stream."""
    for branch in block.branches:
        x = add(x, _run_branch(device, name, branch, x))
    return x


def _run_branch(device: Device, name: str, branch: Branch, x: Tensor) -> Tensor:
    x = _normed(device, name, branch.before, x)
    x = PARTS[type(branch.part)](device, f"{name}.{branch.part.name}", branch.part, x)
    return dropout(_normed(device, name, branch.after, x), branch.dropout)


def _normed(device: Device, name: str, norm: Norm | None, x: Tensor) -> Tensor:
    return x if norm is None else normalise(device, f"{name}.{norm.name}", norm, x)
