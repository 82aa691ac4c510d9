"""File sizes: against a header written by the standard library's JSON, as safetensors lays it out."""

from __future__ import annotations

import json
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_cli.methods import Tensor, file_bytes
from lora_cli.methods.adapter_file.file_size import decimal_digits

SHAPES = st.lists(st.integers(1, 2**31 - 1), min_size=1, max_size=2).map(tuple)
KEYS = st.text("abcdefgh._0123456789", min_size=1, max_size=30)


def written_bytes(shapes: dict[str, tuple[int, ...]]) -> int:
    """Return the size of a safetensors file of float32 tensors, from the header itself."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for key in sorted(shapes):
        end = offset + 4 * prod(shapes[key])
        header[key] = {"dtype": "F32", "shape": list(shapes[key]), "data_offsets": [offset, end]}
        offset = end
    length = len(json.dumps(header, separators=(",", ":")))
    return 8 + length + -length % 8 + offset


@given(st.dictionaries(KEYS, SHAPES, max_size=8))
def test_a_files_size_is_that_of_its_header_and_values(stored: dict[str, tuple[int, ...]]) -> None:
    """Any tensors at all: 8 bytes, the padded header, and 4 bytes a value."""
    tensors = [("layer", Tensor("T", shape, key=key, stored=shape)) for key, shape in stored.items()]
    assert file_bytes(tensors) == written_bytes({f"base_model.model.layer.{key}": stored[key] for key in stored})


@given(st.dictionaries(KEYS, SHAPES, min_size=2, max_size=6))
def test_a_files_size_does_not_depend_on_the_order_given(stored: dict[str, tuple[int, ...]]) -> None:
    """Safetensors sorts the names, so the order in which a method lists its tensors is nothing."""
    tensors = [("W", Tensor("T", shape, key=key, stored=shape)) for key, shape in stored.items()]
    assert file_bytes(tensors) == file_bytes(reversed(tensors))


def test_a_file_without_tensors_is_its_header() -> None:
    """An adapter that adds nothing is still a file, of 8 bytes and `{"__metadata__":{"format":"pt"}}`."""
    assert file_bytes([]) == 8 + 32


@given(st.integers(0, 10**21))
def test_decimal_digits_is_the_length_of_the_number(value: int) -> None:
    """Up to 10²¹ the count is that of `str`."""
    assert decimal_digits(value) == len(str(value))


def test_decimal_digits_of_an_array_are_those_of_its_elements() -> None:
    """Powers of ten and their neighbours, all 64 bits of them, are counted at once."""
    values = [0, *(10**power + step for power in range(19) for step in (-1, 0, 1)), 2**63 - 1]
    assert np.asarray(decimal_digits(np.array(values))).tolist() == [len(str(value)) for value in values]


@pytest.mark.parametrize(("shape", "params"), [((), 1), ((3,), 3), ((2, 3), 6), ((2**31 - 1,) * 3, (2**31 - 1) ** 3)])
def test_a_tensors_parameters_are_the_product_of_its_shape(shape: tuple[int, ...], params: int) -> None:
    """A scalar holds one value, and no size overflows."""
    assert Tensor("T", shape, key="t", stored=shape).params == params
