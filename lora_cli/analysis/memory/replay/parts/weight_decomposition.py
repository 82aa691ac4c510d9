"""DoRA beside a Linear (`peft.tuners.lora.dora.DoraLinearLayer`, `variants.DoraLinearVariant`)."""

from __future__ import annotations

from lora_cli.analysis.memory.replay.ledger import ADDED, Storage
from lora_cli.analysis.memory.replay.operations import (
    add,
    cast,
    dropout,
    embedding,
    makes,
    multiply,
    record,
    scale,
    shift,
    subtract,
    wanted,
)
from lora_cli.analysis.memory.replay.tape import Tensor
from lora_cli.analysis.memory.replay.weights import Runner, Weights


def add_decomposed(device: Runner, own: Weights, x: Tensor, out: Tensor) -> Tensor:
    """Add what DoRA adds to the output of a module."""
    if not own.settings.lora_dropout:
        return add(out, _decomposed(device, own, x, out))
    dropped = dropout(x, own.settings.lora_dropout)
    return add(out, _decomposed(device, own, dropped, None))


def _decomposed(device: Runner, own: Weights, x: Tensor, base: Tensor | None) -> Tensor:
    """Return (m/n - 1)·W·x + m/n·B·A·x, where n is the norm of each row of the weight with its update."""
    change = cast(_whole_update(device, own), x.width)
    weight = device.whole_weight(own, x.width)
    norm = _row_norms(own, change)
    scaling = _over_constant(device, own, norm)
    low = _low_rank(device, own, x)
    if base is None:
        base = device.multiply(x, device.transposed(own, weight), None, own.d, own.h)
    elif own.bias is not None:
        base = subtract(base, own.bias) if own.bias.requires_grad else shift(base)
    whole = add(multiply(shift(scaling), base, by_columns=True), scale(multiply(scaling, low, by_columns=True)))
    del change, weight, norm
    return whole


def _whole_update(device: Runner, own: Weights) -> Tensor:
    """Return B·A, by sending the unit matrix through both; it is a constant for the rest (`get_lora_weight`)."""
    width = own.adapter["lora_A.weight"].width
    size = own.d * own.d
    unit = Tensor(Storage(device.tape, size * width), size, width)
    return _low_rank(device, own, unit)


def _low_rank(device: Runner, own: Weights, x: Tensor) -> Tensor:
    a, b = own.adapter["lora_A.weight"], own.adapter["lora_B.weight"]
    r = a.numel // own.d
    return device.multiply(device.multiply(x, a, None, own.d, r), b, None, r, own.h)


def _row_norms(own: Weights, change: Tensor) -> Storage:
    """Return the norm of each row of the weight plus its update (`get_weight_norm`)."""
    tape, size = change.storage.tape, change.numel * change.width
    scaled = Storage(tape, size)
    whole = Storage(tape, size)
    del scaled
    norms = Storage(tape, own.h * change.width)
    del whole
    return norms


def _over_constant(device: Runner, own: Weights, norm: Storage) -> Tensor:
    """Divide the magnitudes by the norms, which are a constant."""
    magnitude = own.adapter["lora_magnitude_vector"]
    return record(
        [magnitude], own.h, magnitude.width, makes(*wanted(magnitude)), saves=[Tensor(norm, 0, 1)], tape=device.tape
    )


def _whole_table(device: Runner, own: Weights, r: int) -> Tensor:
    """Return A·B of all tokens, a constant for the rest (`DoraEmbeddingLayer.get_lora_weight`)."""
    factors = [device.lowered(own.adapter[f"lora_embedding_{name}"]) for name in "AB"]
    numel, width = own.d * own.h, factors[0].width
    return record(factors, numel, width, makes(), saves=factors, of=ADDED, flops=2 * numel * r, tape=device.tape)


def embed_decomposed(device: Runner, own: Weights, tokens: int, out: Tensor) -> Tensor:
    """Scale what was looked up by m/n, and add m/n·B·A of the tokens (`DoraEmbeddingLayer`)."""
    a, b = own.adapter["lora_embedding_A"], own.adapter["lora_embedding_B"]
    r = a.numel // own.d
    change = _whole_table(device, own, r)
    norm = _row_norms(own, change)
    scaling = _over_constant(device, own, norm)
    low = embedding(device.tape, a, tokens, r)
    update = scale(multiply(scaling, device.multiply(low, b, None, r, own.h), by_columns=True))
    del change, norm
    return add(multiply(scaling, out, by_columns=True), scale(update) if device.is_scaled(own) else update)
