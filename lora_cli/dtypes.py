"""The types of stored numbers: safetensors' name, torch's name, bits, and what a value of each is.

The order is that of `Dtype` in safetensors' `safetensors/src/tensor.rs`, by which the library sorts tensors in a file,
larger types first.
"""

from __future__ import annotations

from typing import NamedTuple


class Dtype(NamedTuple):
    """A type of numbers: `kind` is float, integer, boolean or complex; PEFT's files hold those that are `in_peft_files`."""

    name: str
    torch_name: str | None
    bits: int
    kind: str = "float"
    in_peft_files: bool = False

    @property
    def fits_float32(self) -> bool:
        """Whether float32 has every value of this type."""
        return self.kind != "complex" and self.bits <= (32 if self.kind == "float" else 16)


TABLE = (
    Dtype("BOOL", "bool", 8, "boolean", in_peft_files=True),
    Dtype("F4", None, 4),
    Dtype("F6_E2M3", None, 6),
    Dtype("F6_E3M2", None, 6),
    Dtype("U8", "uint8", 8, "integer", in_peft_files=True),
    Dtype("I8", "int8", 8, "integer", in_peft_files=True),
    Dtype("F8_E5M2", "float8_e5m2", 8),
    Dtype("F8_E4M3", "float8_e4m3fn", 8),
    Dtype("F8_E8M0", "float8_e8m0fnu", 8),
    Dtype("F8_E4M3FNUZ", "float8_e4m3fnuz", 8),
    Dtype("F8_E5M2FNUZ", "float8_e5m2fnuz", 8),
    Dtype("I16", "int16", 16, "integer", in_peft_files=True),
    Dtype("U16", "uint16", 16, "integer"),
    Dtype("F16", "float16", 16, in_peft_files=True),
    Dtype("BF16", "bfloat16", 16, in_peft_files=True),
    Dtype("I32", "int32", 32, "integer", in_peft_files=True),
    Dtype("U32", "uint32", 32, "integer"),
    Dtype("F32", "float32", 32, in_peft_files=True),
    Dtype("C64", "complex64", 64, "complex"),
    Dtype("F64", "float64", 64, in_peft_files=True),
    Dtype("I64", "int64", 64, "integer", in_peft_files=True),
    Dtype("U64", "uint64", 64, "integer"),
)
BY_NAME = {dtype.name: dtype for dtype in TABLE}
# The types that a model's or an adapter's own values can have, as config.json and `--adapter-dtype` name them.
VALUE_TYPES = ("float64", "float32", "float16", "bfloat16")
SHORT_NAMES = {"fp64": "float64", "fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}
BY_TORCH_NAME = {dtype.torch_name: dtype for dtype in TABLE if dtype.torch_name is not None}


def full_name(name: str) -> str:
    """Return torch's name of a type by its short name, and any other name as it is.

    >>> full_name("bf16"), full_name("float32")
    ('bfloat16', 'float32')
    """
    return SHORT_NAMES.get(name, name) if isinstance(name, str) else name


def torch_name(name: str) -> str:
    """Return torch's name of a type by safetensors' name, or that name where torch has none.

    >>> torch_name("BF16"), torch_name("F4")
    ('bfloat16', 'F4')
    """
    dtype = BY_NAME.get(name)
    return name if dtype is None or dtype.torch_name is None else dtype.torch_name
