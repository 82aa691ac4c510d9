"""Quantities as people read them: rounded and scaled, without claiming more than is true."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lora_cli.quantities import BYTE_UNITS, bytes_text, count_text, number_text, percent_text


@given(st.integers(0, 2**70))
def test_a_count_for_people_has_every_digit(value: int) -> None:
    """Without its commas the text is the number."""
    assert int(count_text(value).replace(",", "")) == value


@given(st.integers(0, 10**21))
@example(999)
@example(999_499)
@example(999_500)
@example(999_999_999)
def test_a_size_for_people_is_right_to_three_digits(value: int) -> None:
    """The size is within half a unit of its third digit, never 1,000 of a unit that has a larger one."""
    number, unit = bytes_text(value).split(" ")
    shown = Fraction(number.replace(",", "")) * 1000 ** BYTE_UNITS.index(unit)
    assert abs(shown - value) <= Fraction(value) / 199
    assert unit == BYTE_UNITS[-1] or Fraction(number.replace(",", "")) < 1000


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_for_people_is_right_to_six_digits(value: float) -> None:
    """The text is within half a unit of the sixth digit of the exact value; only 0 is written 0."""
    shown = Fraction(number_text(value).replace(",", ""))
    # Below the normal range a float has fewer than six digits itself.
    assert abs(shown - Fraction(value)) <= abs(Fraction(value)) / 199_999
    assert (shown == 0) == (value == 0)


@given(st.floats(min_value=-1e30, max_value=1e30) | st.floats(min_value=99.9, max_value=100.1))
def test_a_hundred_percent_is_said_of_a_hundred_alone(value: float) -> None:
    """No value short of 100 is rounded up to it, and none above down to it."""
    assert (percent_text(value) == "100 %") == (value == 100)


@pytest.mark.parametrize("value", [math.nextafter(100, 0), math.nextafter(100, 200), 99.9999999, 99.99999990686774])
def test_the_neighbours_of_a_hundred_percent_keep_their_digits(value: float) -> None:
    """A saving just short of 100 % is written with all its digits."""
    assert percent_text(value) == f"{value!r} %"
