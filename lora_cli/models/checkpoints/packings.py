"""What a checkpoint's tensors stand for: packed weights at their own shape, without scales and buffers.

A packing is one function: the tensor's name in, the parameter that it stands for out, or None if it is
not packed so. The formats are bitsandbytes 4-bit and int8, GPTQ, AWQ, compressed-tensors, FP8, NVFP4 and
MXFP4, as transformers' quantizers (`transformers/quantizers`) load them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from lora_cli.errors import InvalidInput, quote_long
from lora_cli.models.checkpoints.safetensors_header import MAX_SIZE, Stored
from lora_cli.models.nodes import Parameter

Tensors = Mapping[str, Stored]
Packing = Callable[[str, Tensors], Parameter | None]

INTEGERS = frozenset({"BOOL", "U8", "I8", "U16", "I16", "U32", "I32", "U64", "I64"})
# What helps to unpack a tensor is named after it, or by a word of its own beside it.
NAMED_AFTER = re.compile(r"(?P<packed>.+?)_(scales?|scale_inv|scale_2|global_scale|zero_point|shape|format|g_idx)")
PACKED_ENDINGS = ("", "_packed", "_blocks")
BESIDE = {
    **dict.fromkeys(("qzeros", "scales", "g_idx"), "qweight"),
    **dict.fromkeys(("SCB", "input_scale", "input_scale_ub", "activation_scale", "output_scale"), "weight"),
}
# What a model keeps beside its parameters (torch's buffers), as transformers names it.
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
        "final_logits_bias",
        "k_scale",
        "v_scale",
    )
)
MAX_STATE_BYTES = 65_536
MAX_RECORDED_DIMENSIONS = 8


class Unpacked(NamedTuple):
    """The parameters, and the names of integers that are in no packing known here and taken for buffers."""

    parameters: list[Parameter]
    unknown: list[str]


def unpacked(stored: Tensors) -> Unpacked:
    """Return the parameters that a checkpoint's tensors stand for."""
    parameters, unknown = [], []
    for name, tensor in stored.items():
        if _helps(name, stored) or _is_buffer(name, tensor):
            continue
        if tensor.dtype not in INTEGERS:
            parameters.append(Parameter(name, tensor.shape))
        elif found := next(filter(None, (packing(name, stored) for packing in PACKINGS)), None):
            parameters.append(found)
        else:
            unknown.append(name)
    return Unpacked(parameters, unknown)


def _helps(name: str, stored: Tensors) -> bool:
    """Whether a tensor helps to unpack another, as a scale or a table does."""
    owner, _, leaf = name.rpartition(".")
    if leaf in BESIDE and f"{owner}.{BESIDE[leaf]}" in stored:
        return True
    if (after := NAMED_AFTER.fullmatch(name)) and any(after["packed"] + ending in stored for ending in PACKED_ENDINGS):
        return True
    # A parameter has nothing below it, so what is named below one (bitsandbytes' weight.absmax) is about it.
    return owner.endswith((".weight", ".quant_state")) and owner.removesuffix(".quant_state") in stored


def _is_buffer(name: str, tensor: Stored) -> bool:
    leaf = name.rpartition(".")[2]
    # GPT-2 and its kin keep their causal mask as `bias`.
    return leaf in BUFFERS or (leaf == "bias" and len(tensor.shape) == 4)


def _bitsandbytes(name: str, stored: Tensors) -> Parameter | None:
    """4-bit: N/2 × 1 bytes; the shape is in a JSON text beside them (`bitsandbytes.functional.QuantState`)."""
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
    """Return the parameter of a shape that the checkpoint's bytes give, if it is one."""
    if (
        not isinstance(shape, list)
        or not 0 < len(shape) <= MAX_RECORDED_DIMENSIONS
        or not all(type(size) is int and 0 < size <= MAX_SIZE for size in shape)
    ):
        raise InvalidInput(f"the {record} of {quote_long(name)} holds no shape; save it again")
    return Parameter(name, tuple(shape))


def _gptq_or_awq(name: str, stored: Tensors) -> Parameter | None:
    """Int32 words: GPTQ packs the inputs (rows), AWQ the outputs (columns); both pack the outputs of the zeros."""
    owner, _, leaf = name.rpartition(".")
    if leaf != "qweight":
        return None
    shapes = [stored[key].shape for key in (name, f"{owner}.qzeros", f"{owner}.scales") if key in stored]
    if [len(shape) for shape in shapes] != [2, 2, 2]:
        raise InvalidInput(
            f"{quote_long(name)} is packed, and its qzeros or scales are missing or no matrices; save it again"
        )
    (rows, columns), (_, words), (_, outputs) = shapes
    inputs = rows if columns == words else rows * outputs // max(words, 1)
    groups = stored.get(f"{owner}.g_idx")
    if groups is not None and len(groups.shape) == 1:
        inputs = groups.shape[0]
    return Parameter(f"{owner}.weight", (outputs, inputs))


def _compressed(name: str, stored: Tensors) -> Parameter | None:
    """compressed-tensors: int32 words with their shape beside them, or bytes of two values each."""
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
    """Experts × outputs × groups × 16 bytes of two values; the model holds experts × inputs × outputs."""
    weight = name.removesuffix("_blocks")
    if weight == name or f"{weight}_scales" not in stored or len(stored[name].shape) != 4:
        return None
    experts, outputs, groups, size = stored[name].shape
    return Parameter(weight, (experts, groups * size * 2, outputs))


def _scaled(name: str, stored: Tensors) -> Parameter | None:
    """Integers with a scale: int8 or NVFP4."""
    owner, _, leaf = name.rpartition(".")
    scaled = any(f"{owner}.{scale}" in stored for scale in ("SCB", "weight_scale"))
    return _of_bytes(name, stored[name]) if leaf == "weight" and scaled else None


def _of_bytes(name: str, tensor: Stored) -> Parameter | None:
    """Return the parameter whose bytes are a value each, or two where they are unsigned."""
    if not tensor.shape:
        return None
    *others, last = tensor.shape
    return Parameter(name, (*others, last * (2 if tensor.dtype == "U8" else 1)))


PACKINGS: tuple[Packing, ...] = (_bitsandbytes, _gptq_or_awq, _compressed, _mxfp4, _scaled)
