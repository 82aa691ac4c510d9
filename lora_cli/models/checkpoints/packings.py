"""Quantised weights: the parameters that a checkpoint's packed tensors stand for, without scales and buffers.

A packing is one entry of `PACKINGS`. The formats are those that transformers' quantizers load
(`transformers/quantizers`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from lora_cli.dtypes import BY_NAME
from lora_cli.errors import InvalidInput, quote_long
from lora_cli.models.checkpoints.safetensors_header import MAX_SIZE, Stored
from lora_cli.models.nodes import Parameter

Tensors = Mapping[str, Stored]

INTEGER_KINDS = ("integer", "boolean")
# How buffers of transformers' models are named, which are not parameters, but for those that a few models have as such.
BUFFERS = frozenset(
    (
        "inv_freq",
        "cos_cached",
        "sin_cached",
        "masked_bias",
        "position_ids",
        "token_type_ids",
        "running_mean",
        "running_var",
        "num_batches_tracked",
        "e_score_correction_bias",
        "expert_bias",
        "ffn.gate.bias",
        "slope_rate",
        "query_decay",
        "key_decay",
        "diagonal_decay",
        "final_logits_bias",
        "k_scale",
        "v_scale",
        "layer_scalar",
        "input_min",
        "input_max",
        "output_min",
        "output_max",
        "std_bias",
        "std_scale",
        "pos_idx_to_embed",
    )
)
# Those of xIELU, which are single numbers. Other modules have parameters of these names.
ACTIVATION_BUFFERS = ("beta", "eps")
MAX_STATE_BYTES = 65_536
MAX_RECORDED_DIMENSIONS = 8


class Packing(NamedTuple):
    """One format of packed weights.

    `unpack` takes the name of a tensor of integers and all tensors, and returns the parameter that the tensor stands
    for, or None if it is not packed in this format. A format that keeps floats of the weight's shape has none.
    `names` are the last parts of a packed tensor's name, in place of `weight`. Tensors that help to unpack it are
    named by the weight and an underscore before one of `endings`, or by one of `beside` in place of `names`.
    """

    name: str
    unpack: Callable[[str, Tensors], Parameter | None] | None
    names: tuple[str, ...] = ("weight",)
    endings: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()


class Unpacked(NamedTuple):
    """The parameters, and the names of integer tensors that are taken for buffers because no packing fits."""

    parameters: list[Parameter]
    unknown: list[str]


def unpacked(stored: Tensors, known: Iterable[Parameter] = ()) -> Unpacked:
    """Return the parameters that a checkpoint's tensors stand for; what `known` ones are named is not a buffer."""
    parameters, unknown = [], []
    leaves = {parameter.name.rpartition(".")[2] for parameter in known}
    buffers = tuple(f".{name}" for name in BUFFERS - leaves)
    for name, tensor in stored.items():
        if _helps(name, stored) or _is_buffer(name, tensor, buffers):
            continue
        if BY_NAME[tensor.dtype].kind not in INTEGER_KINDS:
            parameters.append(Parameter(name, tensor.shape))
        elif parameter := _unpack(name, stored):
            parameters.append(parameter)
        else:
            unknown.append(name)
    return Unpacked(parameters, unknown)


def _unpack(name: str, stored: Tensors) -> Parameter | None:
    tried = (packing.unpack(name, stored) for packing in PACKINGS if packing.unpack is not None)
    return next(filter(None, tried), None)


def helped(name: str) -> str | None:
    """Return the name of the weight that a tensor helps to unpack by its ending, as far as names tell.

    >>> helped("q_proj.weight_scale"), helped("q_proj.weight")
    ('q_proj.weight', None)
    """
    after = NAMED_AFTER.fullmatch(name)
    return after and after["packed"]


def _helps(name: str, stored: Tensors) -> bool:
    """Return whether a tensor helps to unpack another, e.g. a scale or a table."""
    owner, _, leaf = name.rpartition(".")
    if any(f"{owner}.{packed}" in stored for packed in BESIDE.get(leaf, ())):
        return True
    if (weight := helped(name)) and any(weight + ending in stored for ending in PACKED_ENDINGS):
        return True
    # A parameter has no parts, so a tensor named below one, e.g. bitsandbytes' weight.absmax, belongs to it.
    return owner.endswith((".weight", ".quant_state")) and owner.removesuffix(".quant_state") in stored


def _is_buffer(name: str, tensor: Stored, endings: tuple[str, ...]) -> bool:
    if name.rpartition(".")[2] in ACTIVATION_BUFFERS:
        return not tensor.shape
    whole = f".{name}"
    # GPT-2 and similar models keep their causal mask as `bias`.
    return whole.endswith(endings) or (whole.endswith(".bias") and len(tensor.shape) == 4)


def _bitsandbytes(name: str, stored: Tensors) -> Parameter | None:
    """Read the shape from the JSON beside N/2 × 1 bytes (`bitsandbytes.functional.QuantState`)."""
    if f"{name}.absmax" not in stored:
        return None
    states = (stored.get(f"{name}.quant_state.bitsandbytes__{kind}") for kind in ("nf4", "fp4"))
    state = next(filter(None, states), None)
    if state is None or state.values > MAX_STATE_BYTES:
        raise InvalidInput(
            f"{quote_long(name)} is packed by bitsandbytes, and its quant_state is missing; save it again"
        )
    try:
        shape = json.loads(state.read())["shape"]
    except (ValueError, RecursionError, TypeError, KeyError):
        shape = None
    return _recorded(name, shape, "quant_state")


def _recorded(name: str, shape: Any, record: str) -> Parameter:
    """Return the parameter of a recorded shape, or refuse what is not a shape."""
    if (
        not isinstance(shape, list)
        or not 0 < len(shape) <= MAX_RECORDED_DIMENSIONS
        or not all(type(size) is int and 0 < size <= MAX_SIZE for size in shape)
    ):
        raise InvalidInput(f"the {record} of {quote_long(name)} does not hold a shape; save it again")
    return Parameter(name, tuple(shape))


def _gptq_or_awq(name: str, stored: Tensors) -> Parameter | None:
    """Derive the shape of int32 words: GPTQ packs inputs (rows), AWQ outputs (columns), both the outputs of the zeros."""
    owner, _, leaf = name.rpartition(".")
    if leaf != "qweight":
        return None
    shapes = [stored[key].shape for key in (name, f"{owner}.qzeros", f"{owner}.scales") if key in stored]
    if [len(shape) for shape in shapes] != [2, 2, 2]:
        raise InvalidInput(
            f"{quote_long(name)} is packed, and its qzeros or scales are missing or not matrices; save it again"
        )
    (rows, columns), (_, words), (_, outputs) = shapes
    inputs = rows if columns == words else rows * outputs // max(words, 1)
    groups = stored.get(f"{owner}.g_idx")
    if groups is not None and len(groups.shape) == 1:
        inputs = groups.shape[0]
    return Parameter(f"{owner}.weight", (outputs, inputs))


def _compressed(name: str, stored: Tensors) -> Parameter | None:
    """Read the shape beside int32 words, or take two values for each byte."""
    owner, _, leaf = name.rpartition(".")
    if leaf != "weight_packed":
        return None
    shape = stored.get(f"{owner}.weight_shape")
    if shape is None or shape.dtype != "I64" or shape.values > MAX_RECORDED_DIMENSIONS:
        return _of_bytes(f"{owner}.weight", stored[name]) if stored[name].dtype == "U8" else None
    content = shape.read()
    sizes = [int.from_bytes(content[at : at + 8], "little", signed=True) for at in range(0, len(content), 8)]
    return _recorded(f"{owner}.weight", sizes, "weight_shape")


def _mxfp4(name: str, stored: Tensors) -> Parameter | None:
    """Return experts × inputs × outputs for experts × outputs × groups × 16 bytes of two values."""
    weight = name.removesuffix("_blocks")
    if weight == name or f"{weight}_scales" not in stored or len(stored[name].shape) != 4:
        return None
    experts, outputs, groups, size = stored[name].shape
    return Parameter(weight, (experts, groups * size * 2, outputs))


def _int8(name: str, stored: Tensors) -> Parameter | None:
    return _scaled_by("SCB", name, stored)


def _scaled(name: str, stored: Tensors) -> Parameter | None:
    return _scaled_by("weight_scale", name, stored)


def _scaled_by(scale: str, name: str, stored: Tensors) -> Parameter | None:
    owner, _, leaf = name.rpartition(".")
    return _of_bytes(name, stored[name]) if leaf == "weight" and f"{owner}.{scale}" in stored else None


def _of_bytes(name: str, tensor: Stored) -> Parameter | None:
    """Return the parameter with one value for each byte, or two if bytes are unsigned."""
    if not tensor.shape:
        return None
    *others, last = tensor.shape
    return Parameter(name, (*others, last * (2 if tensor.dtype == "U8" else 1)))


PACKINGS = (
    Packing("bitsandbytes 4-bit", _bitsandbytes),
    Packing("bitsandbytes int8", _int8, endings=("format",), beside=("SCB",)),
    Packing("GPTQ and AWQ", _gptq_or_awq, ("qweight",), beside=("qzeros", "scales", "g_idx")),
    Packing(
        "compressed-tensors",
        _compressed,
        ("weight_packed",),
        endings=("scale", "global_scale", "zero_point", "shape", "g_idx"),
    ),
    Packing("MXFP4", _mxfp4, ("weight_blocks", "blocks"), endings=("scales",)),
    Packing("int8 and NVFP4 with scales", _scaled, endings=("scale", "scale_2"), beside=("input_scale",)),
    Packing(
        "FP8",
        None,
        endings=("scale", "scale_inv"),
        beside=("input_scale", "input_scale_ub", "activation_scale", "output_scale"),
    ),
)
# Names that stand for a packed weight in place of `weight`.
PACKED_NAMES = tuple(name for packing in PACKINGS for name in packing.names if name != "weight")
# What follows the weight's name in that of its packed tensor.
PACKED_ENDINGS = ("", *(name.removeprefix("weight") for name in PACKED_NAMES if name.startswith("weight")))
NAMED_AFTER = re.compile(
    rf"(?P<packed>.+?)_({'|'.join(sorted({ending for packing in PACKINGS for ending in packing.endings}))})"
)
BESIDE = {helper: packing.names for packing in PACKINGS for helper in packing.beside}
