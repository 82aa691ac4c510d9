"""One matrix: the sizes that it can have."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_cli.errors import InvalidInput
from lora_cli.models import MAX_DIMENSION, matrix
from lora_cli.models.matrix import dimension
from lora_cli.models.nodes import Module

SIZES = st.integers(1, MAX_DIMENSION)


@given(SIZES, SIZES)
def test_a_matrix_is_one_module_of_d_by_h(d: int, h: int) -> None:
    """Every size in range gives the module W with d·h parameters."""
    assert matrix(d, h) == Module("W", d, h)
    assert matrix(d, h).weight_params == d * h


@pytest.mark.parametrize("power", [1, 100, 5000])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_size_however_large_is_refused_by_name(power: int, sign: int) -> None:
    """A size past 2³¹−1 is refused, also one of so many digits that Python will not print it."""
    with pytest.raises(InvalidInput, match=r"^h: .* is out of range"):
        matrix(8, sign * MAX_DIMENSION * 10**power)


@pytest.mark.parametrize("value", [0, -1, MAX_DIMENSION + 1])
def test_a_size_out_of_range_is_refused_by_name(value: int) -> None:
    """The neighbours of the range are refused, with the range."""
    with pytest.raises(InvalidInput, match=rf"^r: .* is out of range; give a whole number from 1 to {MAX_DIMENSION}$"):
        dimension("r", value)


@pytest.mark.parametrize("value", [True, False, 8.0, "8", None, float("nan"), [8], 8j])
def test_a_size_that_is_no_int_is_refused(value: object) -> None:
    """A size is an int: no bool, float or text is taken for one."""
    with pytest.raises(InvalidInput, match=r"^d: .* is not a whole number"):
        matrix(value, 8)
    with pytest.raises(InvalidInput, match=r"^h: .* is not a whole number"):
        matrix(8, value)


def test_a_module_cannot_be_changed() -> None:
    """A module is a fact, and every holder of it sees the same one."""
    module = matrix(6, 8)
    with pytest.raises(AttributeError):
        module.d = 7
