"""What T5 adds to the scores for how far apart tokens are: made by the first layer of a stack, and shared by the others."""

from __future__ import annotations

from collections.abc import Sequence

from lora_cli.analysis.memory.replay.device import Device
from lora_cli.analysis.memory.replay.ledger import Storage
from lora_cli.analysis.memory.replay.operations import clone, record
from lora_cli.analysis.memory.replay.tape import Backward, Tensor, Unreduced
from lora_cli.models.parts.forward_pass import Attention

# A distance between two tokens, and how many tables of these there are at once while the distances are counted.
DISTANCE, TABLES = 8, 6


def shared_bias(device: Device, name: str, own: Attention, width: int) -> Tensor:
    """Return the bias of the stack. The first layer makes it, and makes it again where it is run again."""
    if not own.makes_bias:
        return device.shared.biases[own.name]
    device.made_biases[own.name] = bias = (
        _learned(device, name) if own.bias == "learned" else _zeros(device, own, width)
    )
    return bias


def _learned(device: Device, name: str) -> Tensor:
    """`T5Attention.compute_bias`."""
    pairs = device.training.seq**2
    tables = [Storage(device.tape, pairs * DISTANCE) for _ in range(TABLES)]
    del tables[2:]
    return device.embed(f"{name}.relative_attention_bias", pairs)


def _zeros(device: Device, own: Attention, width: int) -> Tensor:
    """Return zeros, which require a gradient under a checkpoint."""
    numel = own.heads * device.training.seq**2
    made = Tensor(Storage(device.tape, numel * width), numel, width)
    made.requires_grad = device.training.checkpointing
    return made


def as_mask(device: Device, own: Attention, bias: Tensor) -> Tensor:
    """Return the bias with what is not seen masked, for each text where these are padded (`create_position_bias_mask`)."""
    is_padded = device.mask(own) is not None
    if own.causal or is_padded:
        numel = bias.numel * (device.training.batch if is_padded else 1)
        bias = record([bias], numel, bias.width, _masked(numel * bias.width, bias.numel * bias.width))
    # What was learned does not lie in memory head by head.
    return clone(bias) if own.bias == "learned" else bias


def _masked(whole: int, size: int) -> Backward:
    def backward(gradient: Storage) -> Sequence[Storage | Unreduced]:
        made = Storage(gradient.tape, whole)
        return [made if whole == size else Unreduced(made, size)]

    return backward


def plus(scores: Tensor, bias: Tensor) -> Tensor:
    """Add a bias to the scores of every text."""
    width, sizes = max(scores.width, bias.width), [each.numel * each.width for each in (scores, bias)]
    whole = scores.numel * width

    def backward(gradient: Storage) -> Sequence[Storage | Unreduced]:
        return [gradient if size == whole else Unreduced(gradient, size) for size in sizes]

    return record([scores, bias], scores.numel, width, backward)
