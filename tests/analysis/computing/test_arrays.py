"""Stored tensors as arrays, against the safetensors library and the definitions of their types."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import checkpoints
import numpy as np
import pytest
from safetensors.numpy import save_file

from lora_cli import InvalidInput
from lora_cli.analysis.computing.arrays import DECODED, read_array, read_block
from lora_cli.dtypes import BY_NAME
from lora_cli.models.checkpoints.safetensors_header import Stored, read_header

FILE = "model.safetensors"


def of_bytes(folder: Path, dtype: str, shape: tuple[int, ...], content: bytes) -> Stored:
    """Return a tensor of these bytes, in a file between two others."""
    around = {"before": ("F32", (3,)), "W": (dtype, shape), "after": ("F32", (5,))}
    checkpoints.write(folder / FILE, around, {"before": b"\xff" * 12, "W": content, "after": b"\xff" * 20})
    return read_header(str(folder / FILE))["W"]


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int8", "uint8", "int16", "int32", "int64", "bool"])
def test_a_tensor_is_the_librarys(tmp_path: Path, dtype: str) -> None:
    """What the safetensors library wrote comes back value by value, in a float that holds it."""
    values = (np.random.default_rng(0).standard_normal((5, 7, 3)) * 20).astype(dtype)
    save_file({"W": values, "other": np.ones(9, np.float32)}, tmp_path / FILE)
    found = read_array(read_header(str(tmp_path / FILE))["W"], "W")
    assert found.dtype == (np.float64 if dtype in {"float64", "int32", "int64"} else np.float32)
    assert found.shape == (5, 7, 3)
    assert (found == values).all()


def test_bfloat16_is_the_upper_half_of_a_float32(tmp_path: Path) -> None:
    """All 65,536 of them."""
    halves = range(2**16)
    stored = of_bytes(tmp_path, "BF16", (256, 256), struct.pack(f"<{2**16}H", *halves))
    expected = [struct.unpack("<f", struct.pack("<I", half << 16))[0] for half in halves]
    assert np.array_equal(read_array(stored, "W").ravel(), np.array(expected, np.float32), equal_nan=True)


def test_eight_bits_are_those_of_the_paper(tmp_path: Path) -> None:
    """The largest, the smallest and the special values of table 1 of arXiv:2209.05433."""
    e4m3 = read_array(of_bytes(tmp_path, "F8_E4M3", (256,), bytes(range(256))), "W")
    assert (e4m3[0b0_1111_110], e4m3[0b0_0001_000], e4m3[0b0_0000_001]) == (448, 2**-6, 2**-9)
    assert (e4m3[0b1_0111_100], math.isnan(e4m3[0x7F]), math.isnan(e4m3[0xFF])) == (-1.5, True, True)
    assert np.isfinite(e4m3).sum() == 254
    e5m2 = read_array(of_bytes(tmp_path, "F8_E5M2", (256,), bytes(range(256))), "W")
    assert (e5m2[0b0_11110_11], e5m2[0b0_00001_00], e5m2[0b0_00000_01]) == (57344, 2**-14, 2**-16)
    assert (e5m2[0b0_11111_00], e5m2[0b1_11111_00], math.isnan(e5m2[0b0_11111_01])) == (math.inf, -math.inf, True)


def test_a_block_is_that_block(tmp_path: Path) -> None:
    """Rows and columns of a matrix, and of a kernel's dimensions together."""
    values = np.arange(120, dtype=np.float32).reshape(6, 5, 4)
    stored = of_bytes(tmp_path, "F32", (6, 5, 4), values.tobytes())
    flat = values.reshape(6, 20)
    for rows, columns in ((slice(0, 6), slice(0, 20)), (slice(2, 5), slice(3, 11)), (slice(5, 6), slice(19, 20))):
        assert (read_block(stored, "W", rows, columns) == flat[rows, columns]).all()
    assert read_block(stored, "W", slice(1, 3)).tolist() == flat[1:3].tolist()
    assert read_block(stored, "W", slice(1, 3), compute=np.float64).dtype == np.float64


@pytest.mark.parametrize("shape", [(0,), (0, 4), (4, 0)])
def test_nothing_is_an_empty_array(tmp_path: Path, shape: tuple[int, ...]) -> None:
    """A tensor without values has its shape."""
    assert read_array(of_bytes(tmp_path, "F32", shape, b""), "W").shape == shape


def test_a_number_is_an_array_of_no_dimensions(tmp_path: Path) -> None:
    """A shape of [] holds one value."""
    assert read_array(of_bytes(tmp_path, "F32", (), struct.pack("<f", 2.5)), "W") == 2.5


@pytest.mark.parametrize("dtype", sorted(BY_NAME.keys() - DECODED.keys()))
def test_other_types_are_refused_by_name(tmp_path: Path, dtype: str) -> None:
    """The error names tensor, type and what is known."""
    stored = of_bytes(tmp_path, dtype, (8,), b"")
    with pytest.raises(InvalidInput, match=f"^'W' has type {dtype}, which cannot be read; .* F64"):
        read_array(stored, "W")


@pytest.mark.parametrize("columns", [slice(0, 64), slice(32, 64)])
def test_a_file_that_shrank_is_refused(tmp_path: Path, columns: slice) -> None:
    """A file cut after its header was read is an error, whichever block is asked for."""
    stored = of_bytes(tmp_path, "F32", (64, 64), bytes(64 * 64 * 4))
    with (tmp_path / FILE).open("r+b") as file:
        file.truncate(stored.end - 5)
    with pytest.raises(InvalidInput, match=r"ends within 'W', so it has changed"):
        read_block(stored, "W", slice(0, 64), columns)


def test_a_file_that_is_gone_is_refused(tmp_path: Path) -> None:
    """It cannot be read any more."""
    stored = of_bytes(tmp_path, "F32", (2,), bytes(8))
    (tmp_path / FILE).unlink()
    with pytest.raises(InvalidInput, match=r"^cannot read"):
        read_array(stored, "W")
