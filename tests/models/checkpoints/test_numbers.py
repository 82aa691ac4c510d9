"""Single numbers in a file, against Python's own packing."""

from __future__ import annotations

import struct
from pathlib import Path

import checkpoints
import pytest

from lora_cli.models.checkpoints.numbers import LETTERS, single_numbers
from lora_cli.models.checkpoints.safetensors_header import read_header

VALUES = {"F64": -2.5, "F32": 0.5, "F16": 16.0, "BF16": 3.0, "BOOL": 1.0}


def packed(dtype: str, value: float) -> bytes:
    """Return a number in the bytes of a type."""
    if dtype == "BF16":
        return struct.pack("<f", value)[2:]
    return struct.pack(f"<{LETTERS[dtype]}", value if dtype.startswith(("F", "BF")) else int(value))


def test_a_number_of_each_type_is_read(tmp_path: Path) -> None:
    """A packed type and more than one number are not read."""
    numbers = {dtype: VALUES.get(dtype, 7.0) for dtype in LETTERS}
    path = tmp_path / "a.safetensors"
    shapes = {dtype: (dtype, ()) for dtype in numbers} | {
        "two": ("F32", (2,)),
        "F8": ("F8_E4M3", ()),
        "1": ("F32", (1, 1)),
    }
    checkpoints.write(path, shapes, {dtype: packed(dtype, value) for dtype, value in numbers.items()})
    tensors = read_header(str(path))
    found = dict(zip(tensors, single_numbers(str(path), tensors.values()), strict=True))
    assert found == {**numbers, "two": None, "F8": None, "1": 0.0}


def test_a_file_that_became_shorter_has_no_number(tmp_path: Path) -> None:
    """Its header was read before."""
    path = tmp_path / "a.safetensors"
    checkpoints.write(path, {"a": ("F32", ())})
    tensors = read_header(str(path))
    path.write_bytes(path.read_bytes()[:-2])
    assert single_numbers(str(path), tensors.values()) == [None]


@pytest.mark.parametrize("dtype", LETTERS)
def test_a_letter_has_the_size_of_its_type(dtype: str) -> None:
    """But for bfloat16, which is read as a float32."""
    from lora_cli.dtypes import BY_NAME

    assert struct.calcsize(f"<{LETTERS[dtype]}") * 8 == (32 if dtype == "BF16" else BY_NAME[dtype].bits)
