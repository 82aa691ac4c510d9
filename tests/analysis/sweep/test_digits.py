"""Digits by the million: every one as `str` and `repr` write it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lora_cli.analysis.sweep.digits import float_text, integer_text

FINITE = st.floats(allow_nan=False, allow_infinity=False)
USUAL = st.floats(1e-4, 1e15) | st.floats(-1e15, -1e-4)
MANY = 200_000


def texts(characters: npt.NDArray[np.uint8]) -> list[str]:
    """Return the rows of a matrix of characters, without its NULs."""
    return [row.tobytes().replace(b"\0", b"").decode("ascii") for row in characters]


def assert_written_as_repr(values: npt.NDArray[np.float64]) -> None:
    """Compare row by row, and show the first few that differ."""
    written = zip(texts(float_text(values)), map(repr, values.tolist()), strict=True)
    assert [pair for pair in written if pair[0] != pair[1]][:5] == []


@given(st.lists(FINITE, min_size=1, max_size=20))
@example([0.0])
@example([-0.0])
@example([5e-324, -5e-324, 2.2250738585072014e-308])
@example([1e22, 1e23, 9007199254740993.0, 1.7976931348623157e308])
@example([1e15, 1e-4, 6.25, 0.0, -58.333333333333336])
def test_any_finite_floats_are_written_as_repr(values: list[float]) -> None:
    """Zeros, subnormals, exponents and ordinary numbers, side by side in one array."""
    assert_written_as_repr(np.array(values))


@given(st.lists(USUAL, min_size=1, max_size=50))
def test_floats_without_an_exponent_are_written_as_repr(values: list[float]) -> None:
    """Numbers of the sizes that a sweep has are written as `repr` writes them."""
    assert_written_as_repr(np.array(values))


def quotients(random: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return quotients of whole numbers, as percentages and ratios are."""
    numerators, denominators = random.integers(1, 2**31, (2, MANY))
    return 100 * numerators / denominators


def small_quotients(random: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return quotients of small whole numbers, many of which have few digits."""
    numerators, denominators = random.integers(1, 5000, (2, MANY))
    return numerators / denominators


def dyadic_fractions(random: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return k / 2ⁿ, whose decimal expansion ends in a 5: ties where digits are dropped."""
    return np.ldexp(random.integers(1, 2**53, MANY).astype(float), -random.integers(0, 66, MANY))


def short_dyadic_fractions(random: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return k / 2ⁿ with small k, halves of the last digit among them."""
    return np.ldexp(random.integers(1, 2**17, MANY).astype(float), -random.integers(0, 30, MANY))


def short_decimals(random: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return decimals of 1 to 17 digits, and the floats next to them."""
    digits = random.integers(1, 10 ** random.integers(1, 18, MANY))
    values = np.array(
        [float(f"{digit}e-{shift}") for digit, shift in zip(digits, random.integers(0, 19, MANY), strict=False)]
    )
    return np.nextafter(values, random.choice([0, np.inf], MANY)) * 1.0


def all_magnitudes(random: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return floats of every size and sign, also outside of what is written without an exponent."""
    return 10.0 ** random.uniform(-8, 18, MANY) * random.choice([-1, 1], MANY)


@pytest.mark.parametrize(
    "family", [quotients, small_quotients, dyadic_fractions, short_dyadic_fractions, short_decimals, all_magnitudes]
)
def test_two_hundred_thousand_floats_of_a_kind_are_written_as_repr(family: object) -> None:
    """Each kind of number that is hard to print, in bulk."""
    assert callable(family)
    assert_written_as_repr(family(np.random.default_rng(2**31)))


def test_powers_and_their_neighbours_are_written_as_repr() -> None:
    """Below a power of two floats lie twice as dense; at a power of ten the exponent changes."""
    powers = [float(f"1e{power}") for power in range(-20, 25)] + [2.0**power for power in range(-60, 80)]
    multiples = np.array([power * factor for power in powers for factor in (1, 3, 5, 7, 9)])
    neighbours = [np.nextafter(multiples, end) for end in (0, np.inf)]
    further = [np.nextafter(near, end) for near, end in zip(neighbours, (0, np.inf), strict=True)]
    assert_written_as_repr(np.concatenate([multiples, *neighbours, *further]))
    assert_written_as_repr(-np.concatenate([multiples, *neighbours]))


@given(st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=20))
@example([0])
@example([2**63 - 1, 0])
@example([9999, 10_000, 99_999_999, 100_000_000])
def test_integers_are_written_as_str(values: list[int]) -> None:
    """Any non-negative 64-bit integers, side by side."""
    assert texts(integer_text(np.array(values, np.int64))) == list(map(str, values))


def test_every_number_of_digits_is_written_as_str() -> None:
    """Powers of ten and their neighbours, each alone in its array, so that each sets the width."""
    for power in range(19):
        for value in (10**power - 1, 10**power, 10**power + 1):
            assert texts(integer_text(np.array([value], np.int64))) == [str(value)]


def test_no_numbers_are_no_rows() -> None:
    """An empty array is written as no rows at all."""
    assert len(float_text(np.array([]))) == 0
    assert len(integer_text(np.array([], np.int64))) == 0
