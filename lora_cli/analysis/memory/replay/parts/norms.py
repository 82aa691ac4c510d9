"""The norms of transformers, operation by operation."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lora_cli.analysis.memory.replay.device import Device
from lora_cli.analysis.memory.replay.operations import (
    FLOAT32,
    cast,
    makes,
    multiply,
    pointwise,
    record,
    row_mean,
    shift,
    square,
    subtract,
    wanted,
    weigh,
)
from lora_cli.analysis.memory.replay.tape import Parameter, Tensor
from lora_cli.models.parts.forward_pass import Norm, NormKind


def normalise(device: Device, name: str, norm: Norm, x: Tensor) -> Tensor:
    """Run a norm on its rows."""
    width = norm.width or device.parameter(f"{name}.weight").numel
    if not norm.affine:
        return _recorded(device.upper(x), (), x.numel // width)
    return KINDS[norm.kind](device, name, x, x.numel // width)


def _root_mean_square(x: Tensor, rows: int) -> Tensor:
    """Divide each row by the root of its mean square."""
    variance = row_mean(square(x), rows)
    return multiply(x, pointwise(shift(variance), saves="output"))


def _rms(device: Device, name: str, x: Tensor, rows: int) -> Tensor:
    """`LlamaRMSNorm`."""
    width, weight = x.width, device.parameter(f"{name}.weight")
    x = cast(x, FLOAT32)
    x = _root_mean_square(x, rows)
    return weigh(cast(x, width), weight)


def _rms_half(device: Device, name: str, x: Tensor, rows: int) -> Tensor:
    """`T5LayerNorm`: multiplies by a float32 root, and returns to the type of a weight in 16 bits."""
    weight = device.parameter(f"{name}.weight")
    variance = row_mean(square(cast(x, FLOAT32)), rows)
    out = multiply(x, pointwise(shift(variance), saves="output"))
    del variance
    return weigh(cast(out, weight.width) if weight.width < FLOAT32 else out, weight)


def _rms_weigh_first(device: Device, name: str, x: Tensor, rows: int) -> Tensor:
    """`Olmo2RMSNorm`: weighs in float32."""
    width, weight = x.width, device.parameter(f"{name}.weight")
    x = cast(x, FLOAT32)
    x = _root_mean_square(x, rows)
    return cast(weigh(x, weight), width)


def _rms_float(device: Device, name: str, x: Tensor, rows: int) -> Tensor:
    """`GemmaRMSNorm`: weighs by 1 + weight in float32."""
    weight = device.parameter(f"{name}.weight")
    out = _root_mean_square(cast(x, FLOAT32), rows)
    out = weigh(out, weight, width=FLOAT32)
    return cast(out, x.width)


def _layer(device: Device, name: str, x: Tensor, rows: int) -> Tensor:
    """`torch.nn.LayerNorm`: saves its input, and a mean and a deviation of each row in float32."""
    weights = [device.upper_weight(device.parameter(f"{name}.{part}")) for part in ("weight", "bias")]
    return _recorded(device.upper(x), weights, rows)


def _recorded(x: Tensor, weights: Sequence[Parameter | Tensor], rows: int) -> Tensor:
    inputs = [x, *weights]
    return record(inputs, x.numel, x.width, makes(*wanted(*inputs)), saves=inputs[:2], saves_more=[rows * FLOAT32] * 2)


def _layer_float(device: Device, name: str, x: Tensor, rows: int) -> Tensor:
    """`CohereLayerNorm`: written out in float32."""
    width, weight = x.width, device.parameter(f"{name}.weight")
    x = cast(x, FLOAT32)
    mean = row_mean(x, rows)
    variance = row_mean(square(subtract(x, mean)), rows)
    x = multiply(subtract(x, mean), pointwise(shift(variance), saves="output"))
    x = weigh(x, weight, width=FLOAT32)
    return cast(x, width)


KINDS: dict[NormKind, Callable[[Device, str, Tensor, int], Tensor]] = {
    "rms": _rms,
    "rms_weigh_first": _rms_weigh_first,
    "rms_half": _rms_half,
    "rms_float": _rms_float,
    "layer": _layer,
    "layer_float": _layer_float,
}
