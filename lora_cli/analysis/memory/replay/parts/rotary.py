"""How q and k are turned by their positions (`apply_rotary_pos_emb`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lora_cli.analysis.memory.replay.device import Device
from lora_cli.analysis.memory.replay.ledger import Storage
from lora_cli.analysis.memory.replay.operations import (
    FLOAT32,
    add,
    cast,
    concatenate,
    makes,
    multiply,
    part,
    record,
    split,
)
from lora_cli.analysis.memory.replay.tape import Tensor
from lora_cli.models.parts.forward_pass import Attention, RotaryKind


def rotate(device: Device, own: Attention, q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
    """Return q and k turned, and in the type that they had where the model turns them into another one."""
    cos, sin = device.angles(own)
    if own.rotary_kind in {"pairs", "pairs_in_float"}:
        cos, sin = _repeated(cos), _repeated(sin)
    if own.rotary_kind == "split_halves":
        q, k = (_halves_turned(each, cos, sin) for each in (q, k))
        return q, k
    if own.by_heads:
        return _rotated_in_part(own, q, k, cos, sin)
    width = q.width
    if own.rotary_kind == "float_pairs":
        q, k = cast(q, FLOAT32), cast(k, FLOAT32)
    wide = FLOAT32 if own.rotary_kind == "pairs_in_float" else 0
    q, k = _turned(q, cos, sin, wide), _turned(k, cos, sin, wide)
    if own.rotary_kind in {"halves", "pairs"}:
        return q, k
    return cast(q, width), cast(k, width)


def _turned(x: Tensor, cos: Tensor, sin: Tensor, width: int = 0) -> Tensor:
    """Return x·cos + rotate_half(x)·sin, of values that are first turned into a type of a `width` if there is one."""
    width = width or x.width
    return add(multiply(cast(x, width), cos), multiply(cast(_half_turned(x), width), sin))


def _by_halves(device: Device, own: Attention, q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
    cos, sin = device.angles(own)
    return _turned(q, cos, sin), _turned(k, cos, sin)


def _by_neighbours(device: Device, own: Attention, q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
    """Turn each value with the next one (`apply_rotary_pos_emb_interleave`)."""
    cos, sin = (Tensor(each.storage, each.numel // 2, each.width) for each in device.angles(own))
    pairs = [(part(each, each.numel // 2), part(each, each.numel // 2)) for each in (q, k)]
    first, second = (_pair_turned(*pair, cos, sin) for pair in pairs)
    return first, second


def _halves_turned(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    first, second = split(x, x.numel // 2, x.numel // 2)
    return _pair_turned(first, second, cos, sin)


def _pair_turned(first: Tensor, second: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn one value with another by their angle, and put both together."""
    return concatenate(
        _minus(multiply(first, cos), multiply(second, sin)), add(multiply(second, cos), multiply(first, sin))
    )


def _by_complex_numbers(device: Device, own: Attention, q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
    """Multiply pairs of values, as complex numbers of float32 (DeepSeek V2's `apply_rotary_emb`)."""
    angles, _ = device.angles(own)
    first, second = cast(q, FLOAT32), cast(k, FLOAT32)
    first = cast(multiply(first, Tensor(angles.storage, 0, FLOAT32)), q.width)
    return first, cast(multiply(second, Tensor(angles.storage, 0, FLOAT32)), k.width)


def _minus(a: Tensor, b: Tensor) -> Tensor:
    """Subtract, for which the gradient is negated in a copy."""
    size = b.numel * b.width
    return record([a, b], a.numel, a.width, lambda gradient: (gradient, Storage(gradient.tape, size)))


def _half_turned(x: Tensor) -> Tensor:
    """Return the halves exchanged, the first of them negated (`rotate_half`)."""
    size = x.numel * x.width
    negative = Storage(x.tape, size // 2)
    out = record([x], x.numel, x.width, makes(size, beside=[size // 2, size]))
    del negative
    return out


def _repeated(angles: Tensor) -> Tensor:
    """Return each angle twice, in a copy."""
    return Tensor(Storage(angles.tape, angles.numel * angles.width), angles.numel, angles.width)


def _rotated_in_part(own: Attention, q: Tensor, k: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor]:
    """Rotate a part of each head's width, and put it and the rest together again."""
    q_part, q_rest = _parts(own, q)
    k_part, k_rest = _parts(own, k)
    if own.rotary_kind == "pairs":
        q_part, k_part = _turned(q_part, cos, sin), _turned(k_part, cos, sin)
        return concatenate(q_part, q_rest), concatenate(k_part, k_rest)
    q = concatenate(_turned(q_part, cos, sin), q_rest)
    return q, concatenate(_turned(k_part, cos, sin), k_rest)


def _parts(own: Attention, x: Tensor) -> tuple[Tensor, Tensor]:
    numel = x.numel * own.rotary // own.width
    return part(x, numel), part(x, x.numel - numel)


# How the rotated part of latent attention is turned.
TURNS: Mapping[RotaryKind, Callable[[Device, Attention, Tensor, Tensor], tuple[Tensor, Tensor]]] = {
    "halves": _by_halves,
    "neighbours": _by_neighbours,
    "complex": _by_complex_numbers,
}
