"""The blocks that families declare, run on a tape."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lora_cli.analysis.memory.replay.device import Device
from lora_cli.analysis.memory.replay.ledger import Storage
from lora_cli.analysis.memory.replay.operations import FLOAT32, add, add_in_place, dropout, makes, record, scale
from lora_cli.analysis.memory.replay.parts.attention import attend
from lora_cli.analysis.memory.replay.parts.experts import mix
from lora_cli.analysis.memory.replay.parts.feed_forward import feed_forward
from lora_cli.analysis.memory.replay.parts.latent_attention import attend_by_latents
from lora_cli.analysis.memory.replay.parts.norms import normalise
from lora_cli.analysis.memory.replay.tape import Tensor
from lora_cli.models.parts.forward_pass import Attention, Block, Branch, Experts, FeedForward, LatentAttention, Norm

# How each part runs: from the device, the part's name in the model, its declaration and its input.
PARTS: Mapping[type, Callable[[Device, str, Any, Tensor], Tensor]] = {
    Attention: attend,
    LatentAttention: attend_by_latents,
    FeedForward: feed_forward,
    Experts: mix,
}


def run_block(device: Device, name: str, block: Block, x: Tensor) -> Tensor:
    """Run a layer: each branch is added to the residual stream, or what parallel ones return together."""
    if block.parallel:
        return add(dropout(_run_parallel(device, name, block, x), block.dropout), x)
    for branch in block.branches:
        x = _normed(device, name, branch.sum, _added(device, name, branch, x))
        device.kept_in_branch.clear()
        if branch.clamps and device.training.dtype == "float16" and x.width < FLOAT32:
            x = _clamped(x)
    return x


def _clamped(x: Tensor) -> Tensor:
    """Keep values from infinity: they are looked at in two copies first, and their backward looks at them again."""
    looked_at = [Storage(x.tape, x.numel * x.width), Storage(x.tape, x.numel)]
    del looked_at
    return record([x], x.numel, x.width, makes(x.numel * x.width, beside=[x.numel] * 3), saves=[x])


def _added(device: Device, name: str, branch: Branch, x: Tensor) -> Tensor:
    """Add what a branch returns to its input."""
    if not branch.keeps_given:
        return add(x, _run_branch(device, name, branch, x))
    given = _normed(device, name, branch.before, x)
    if branch.keeps == "all":
        device.kept.append(given)
    return add(x, _run_part(device, name, branch, given))


def _run_parallel(device: Device, name: str, block: Block, x: Tensor) -> Tensor:
    x = _normed(device, name, block.before, x)
    if not block.in_place:
        first, second = (_run_branch(device, name, branch, x) for branch in block.branches)
        device.kept += [x, first, second]
        return add(second, first)
    device.kept += [_normed(device, name, branch.before, x) for branch in block.branches]
    first, second = (
        _run_part(device, name, branch, given) for branch, given in zip(block.branches, [*device.kept], strict=True)
    )
    return add_in_place(second, first)


def _run_branch(device: Device, name: str, branch: Branch, x: Tensor) -> Tensor:
    return _run_part(device, name, branch, _normed(device, name, branch.before, x))


def _run_part(device: Device, name: str, branch: Branch, x: Tensor) -> Tensor:
    below = f"{name}.{branch.part.name}" if branch.part.name else name
    x = PARTS[type(branch.part)](device, below, branch.part, x)
    x = _normed(device, name, branch.after, x)
    if branch.keeps == "undropped":
        device.kept_in_branch.append(x)
    elif branch.keeps == "all":
        device.kept.append(x)
    x = dropout(x, branch.dropout)
    if branch.keeps == "dropped":
        device.kept_in_branch.append(x)
    elif branch.keeps == "layer":
        device.kept.append(x)
    return scale(x) if branch.scaled else x


def _normed(device: Device, name: str, norm: Norm | None, x: Tensor) -> Tensor:
    return x if norm is None else normalise(device, f"{name}.{norm.name}", norm, x)
