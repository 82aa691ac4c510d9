"""Weights that bitsandbytes quantised: what it stores, and how it multiplies by them (bitsandbytes 0.50)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from lora_cli.analysis.memory.replay.ledger import WEIGHTS, Storage
from lora_cli.analysis.memory.replay.operations import FLOAT32, cast, makes, record, wanted
from lora_cli.analysis.memory.replay.tape import Parameter, Tensor, Unreduced
from lora_cli.analysis.memory.replay.weights import Runner, Weights
from lora_cli.analysis.memory.training import WIDTHS, Training

FLOAT16 = 2
# How many values share a scale, and how many scales share another one.
BLOCK, SECOND_BLOCK = 64, 256


class Packing(NamedTuple):
    """A way to store a weight.

    - `sizes` are the bytes of what is stored of `n` values with `h` outputs, `bias_width` those of a value of its bias.
    - `multiply` runs the Linear, and `whole` makes the weight anew in the type that it has without its packing.
    - `is_cloned` says whether PEFT copies what comes out before it adds to it.
    """

    sizes: Callable[[int, int], Sequence[int]]
    bias_width: Callable[[Training], int]
    multiply: Callable[[Runner, Weights, Tensor], Tensor]
    whole: Callable[[Runner, Weights], Tensor]
    is_cloned: bool = False


def _up(count: int, size: int) -> int:
    return -(-count // size)


# --- 4 bits: NormalFloat in blocks of 64 ---------------------------------------------------------------------------


def _four_bits(n: int, _: int) -> Sequence[int]:
    return [_up(n, 2), 16 * FLOAT32, _up(n, BLOCK) * FLOAT32]


def _four_bits_twice(n: int, _: int) -> Sequence[int]:
    """Return the sizes with scales of a byte, a float32 for each 256 of them, a table and an offset."""
    blocks = _up(n, BLOCK)
    return [_up(n, 2), 16 * FLOAT32, blocks, _up(blocks, SECOND_BLOCK) * FLOAT32, 256 * FLOAT32, FLOAT32]


def _whole_of_four_bits(device: Runner, own: Weights) -> Tensor:
    """Make the weight in the type that it had (`dequantize_4bit`); double scales are made float32 first."""
    tape, numel, width = device.tape, own.d * own.h, device.training.width
    scales = Storage(tape, _up(numel, BLOCK) * FLOAT32 if device.training.quantize == "nf4-double" else 0)
    whole = Tensor(Storage(tape, numel * width), numel, width)
    del scales
    return whole


def _multiply_four_bits(device: Runner, own: Weights, x: Tensor) -> Tensor:
    """Multiply in the type of the base, with a copy of the weight during each product (`Linear4bit`, `MatMul4Bit`)."""
    given, flops = x.width, 2 * x.numel * own.h
    x = cast(x, device.training.width)
    inputs: list[Tensor | Parameter] = [x, *([own.bias] if own.bias else [])]
    sizes = wanted(*inputs)

    def backward(gradient: Storage) -> Sequence[Storage | Unreduced | None]:
        weight = _whole_of_four_bits(device, own)
        made = makes(*sizes, of=WEIGHTS, flops=flops)(gradient)
        del weight
        return made

    weight = _whole_of_four_bits(device, own)
    out = record(inputs, x.numel // own.d * own.h, x.width, backward, of=WEIGHTS, flops=flops)
    del weight
    return cast(out, given)


# --- 8 bits: a scale for each row ----------------------------------------------------------------------------------


def _eight_bits(n: int, h: int) -> Sequence[int]:
    return [n, h * FLOAT32]


def _whole_of_eight_bits(device: Runner, own: Weights) -> Tensor:
    """Multiply by the scales, then by a number, both in float32 (`int8_vectorwise_dequant`)."""
    tape, numel = device.tape, own.d * own.h
    scaled = Storage(tape, numel * FLOAT32)
    whole = Tensor(Storage(tape, numel * FLOAT32), numel, FLOAT32)
    del scaled
    return whole


def _multiply_eight_bits(device: Runner, own: Weights, x: Tensor) -> Tensor:
    """Quantise the input, multiply in int32, and scale in float16 (`MatMul8bitLt`). No activation is an outlier.

    It keeps its input where checkpoints do not see it, until the step is done.
    """
    tape, count, flops = device.tape, x.numel // own.d * own.h, 2 * x.numel * own.h
    is_half = x.width == FLOAT16 and device.training.dtype == "float16"
    inputs: list[Tensor | Parameter] = [x, *([own.bias] if own.bias else [])]
    sizes, copy, kept = wanted(*inputs), own.d * own.h * x.width, x.storage if x.requires_grad else None
    device.hold(kept)

    def backward(gradient: Storage, _: object = kept) -> Sequence[Storage | Unreduced | None]:
        return makes(*sizes, beside=[copy], of=WEIGHTS, flops=flops)(gradient)

    rows = _quantised_rows(x, own.d, is_half=is_half)
    product = Storage(tape, count * FLOAT32)
    scaled = None if is_half else Storage(tape, count * FLOAT16)
    out = record(inputs, count, x.width, backward, of=WEIGHTS, flops=flops)
    del rows, product, scaled
    return out


def _quantised_rows(x: Tensor, d: int, *, is_half: bool) -> list[Storage]:
    """Return the rows in 8 bits and a number for each (`int8_vectorwise_quant`), which looks for outliers."""
    tape, rows = x.tape, x.numel // d
    half = None if is_half else Storage(tape, x.numel * FLOAT16)
    made = [Storage(tape, rows * FLOAT32), Storage(tape, x.numel)]
    absolute = Storage(tape, x.numel * FLOAT16)
    outliers = Storage(tape, x.numel)
    del half, absolute, outliers
    return made


def _base_width(training: Training) -> int:
    return WIDTHS[training.dtype]


def _plain_width(training: Training) -> int:
    return training.plain_width


PACKINGS: Mapping[str, Packing] = {
    "nf4": Packing(_four_bits, _base_width, _multiply_four_bits, _whole_of_four_bits, is_cloned=True),
    "nf4-double": Packing(_four_bits_twice, _base_width, _multiply_four_bits, _whole_of_four_bits, is_cloned=True),
    "int8": Packing(_eight_bits, _plain_width, _multiply_eight_bits, _whole_of_eight_bits),
}
