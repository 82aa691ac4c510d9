"""OFT beside a Linear: `peft.tuners.oft.layer.Linear.forward` and `OFTRotationModule`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isqrt
from typing import Any

from lora_cli.analysis.memory.replay.adapter import Adapter
from lora_cli.analysis.memory.replay.ledger import ADDED, Storage
from lora_cli.analysis.memory.replay.operations import add, cast, clone, makes, record, wanted
from lora_cli.analysis.memory.replay.tape import Node, Parameter, Tensor
from lora_cli.analysis.memory.replay.weights import Runner, Weights

INDEX = 8


def linear(device: Runner, own: Weights, x: Tensor) -> Tensor:
    """Rotate blocks of the input, then run the module."""
    given = x.width
    turned = _turned(device, own, cast(x, own.adapter["oft_R.weight"].width))
    return cast(device.base(own, cast(turned, given)), given)


def _turned(device: Runner, own: Weights, x: Tensor) -> Tensor:
    """Multiply each block by its rotation."""
    blocks, triangle = own.shapes["oft_R.weight"]
    size = _block_size(triangle)
    rotations = _rotations(device, own.adapter["oft_R.weight"], blocks, size)
    product = _product(device, x, rotations, x.numel, 2 * x.numel * size)
    turned = cast(clone(product), x.width)
    del product, rotations
    return turned


def _block_size(triangle: int) -> int:
    """Return n where n·(n - 1)/2 values are above the diagonal of a matrix."""
    return (1 + isqrt(1 + 8 * triangle)) // 2


def _rotations(device: Runner, weight: Parameter, blocks: int, size: int) -> Tensor:
    """Return a rotation for each block by Cayley's formula, as a Neumann series of five terms (`_cayley_batch`)."""
    numel, width = blocks * size * size, weight.width
    skew = _skew(device, weight, numel)
    flops = 2 * numel * size
    rotations: Tensor = add(Tensor(Storage(device.tape, numel * width), numel, width), skew)
    power = skew
    for _ in range(3):
        power = _product(device, power, skew, numel, flops)
        rotations = _add_in_place(rotations, power)
    return rotations


def _skew(device: Runner, weight: Parameter, numel: int) -> Tensor:
    """Put the values above the diagonal, and subtract the transposed matrix."""
    filled = record([weight], numel, weight.width, makes(*wanted(weight)), saves_more=[0, 0], tape=device.tape)
    size = numel * weight.width
    return record([filled], numel, weight.width, makes(size, beside=[size]))


def _product(device: Runner, a: Tensor, b: Tensor, numel: int, flops: int) -> Tensor:
    """Multiply batches of matrices, in the type of autocast where that is on."""
    a, b = device.lower(a), device.lower(b)
    backward = makes(*wanted(a, b), of=ADDED, flops=flops * (a.requires_grad + b.requires_grad))
    saves = [*([b] if a.requires_grad else []), *([a] if b.requires_grad else [])]
    return record([a, b], numel, a.width, backward, saves=saves, of=ADDED, flops=flops)


def _add_in_place(a: Tensor, b: Tensor) -> Tensor:
    """Add to a tensor; the gradient of what is added is multiplied by a number."""
    node = Node(a.tape, [a, b], (), lambda gradient: (gradient, Storage(gradient.tape, gradient.bytes)))
    return Tensor(a.storage, a.numel, a.width, node=node)


def unknown(settings: Any) -> Iterator[str]:
    """Yield the settings that compute in another way."""
    yield from (name for name in ("coft", "block_share") if getattr(settings, name))
    if not settings.use_cayley_neumann:
        yield "use_cayley_neumann false"
    elif settings.num_cayley_neumann_terms != 5:
        yield f"num_cayley_neumann_terms {settings.num_cayley_neumann_terms}"


def buffers(shapes: Mapping[str, Sequence[int]]) -> Sequence[int]:
    """Return the bytes of the indices of the values above the diagonal."""
    return [shapes["oft_R.weight"][1] * INDEX] * 2


ADAPTER = Adapter(linear, unknown=unknown, buffers=buffers)
