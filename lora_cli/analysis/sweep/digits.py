"""Arrays of numbers as the text that `str` and `repr` would give, many at a time.

`repr` of a float is the shortest decimal that reads back as the same float. Python finds it one
value at a time, and a large sweep would spend most of its time there. For the numbers a sweep has,
the same digits follow from exact arithmetic on whole arrays; any other number goes through `repr`.

Both functions return a matrix of characters, one row per number, with NUL (0) for "no character".
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Characters = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

POINT, MINUS = b".-"

# Where a float is written without an exponent, and every step below is exact in doubles and int64.
SMALLEST, LARGEST = 1e-2, 1e15
# No double needs more than 17 digits; any decimal of 15 survives a double.
DIGITS = 17
DECADES = np.array([10.0**power for power in range(-2, 16)])
MOST_DECIMALS = DIGITS + 1
POWERS = np.array([10**power for power in range(MOST_DECIMALS + 1)])
FLOAT_POWERS = POWERS.astype(np.float64)
# Veltkamp's constant, which splits a double into two halves of 26 bits.
SPLITTER = 2.0**27 + 1
# The bits of a double's exponent.
EXPONENT = np.int64(0x7FF << 52)

# Digits are looked up four at a time, in tables of two halves: the first without the zeros that begin or end a number,
# the second, for where more digits stand before or behind, with them.
QUAD = 10_000
_VALUES, _UNITS = np.arange(QUAD)[:, None], np.array([1000, 100, 10, 1])
_DIGITS = (_VALUES // _UNITS % 10 + ord("0")).astype(np.uint8)


def _table(digits: Characters, written: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint32]:
    return np.concatenate([digits * written, digits]).view(np.uint32).ravel()


_BEGINNINGS = _table(_DIGITS, _VALUES >= _UNITS)
_ENDINGS = _table(_DIGITS, _VALUES % (10 * _UNITS) > 0)
# The point and three decimals, the first of which is always written.
_DECIMALS = np.where(_UNITS == 1000, POINT, _DIGITS[:1000]).astype(np.uint8)
_POINTS = _table(_DECIMALS, (_VALUES[:1000] % (10 * _UNITS) > 0) | (_UNITS >= 100))


def integer_text(values: Integers) -> Characters:
    """Return non-negative integers as `str` writes them.

    >>> integer_text(np.array([7, 65536])).tobytes().replace(b"\\0", b" ")
    b'    765536'
    """
    width = len(str(values.max(initial=0)))
    quads = -(-width // 4)
    text = np.empty((len(values), quads), np.uint32)
    rest = values
    for column in reversed(range(quads)):
        higher = rest // QUAD
        text[:, column] = _BEGINNINGS[rest - higher * QUAD + QUAD * (higher > 0)]
        rest = higher
    characters = text.view(np.uint8)[:, 4 * quads - width :]
    characters[values == 0, -1] = ord("0")
    return characters


def _fraction_text(fraction: Integers) -> Characters:
    """Return the point and the decimals of fractions, which are given in units of the last of `MOST_DECIMALS`."""
    text = np.empty((len(fraction), 5), np.uint32)
    # The last look-up has a zero more than there are decimals.
    rest = fraction // 1000
    digits = 10 * (fraction - rest * 1000)
    text[:, 4] = _ENDINGS[digits]
    more = digits > 0
    for column in (3, 2, 1):
        higher = rest // QUAD
        digits = rest - higher * QUAD
        text[:, column] = _ENDINGS[digits + QUAD * more]
        more |= digits > 0
        rest = higher
    text[:, 0] = _POINTS[rest + 1000 * more]
    return text.view(np.uint8)


def float_text(values: Floats) -> Characters:
    """Return floats as `repr` writes them.

    >>> float_text(np.array([6.25, -58.333333333333336])).tobytes().replace(b"\\0", b"")
    b'6.25-58.333333333333336'
    """
    size = np.abs(values)
    usual = (size >= SMALLEST) & (size < LARGEST)
    text = _usual_text(np.where(usual, size, 1.0), values < 0)
    if usual.all():
        return text
    rest = np.array([repr(value).encode() for value in values[~usual].tolist()])
    wide = np.zeros((len(values), max(text.shape[1], rest.itemsize)), np.uint8)
    wide[usual, : text.shape[1]] = text[usual]
    wide[~usual, : rest.itemsize] = rest.view(np.uint8).reshape(len(rest), -1)
    return wide


def _usual_text(size: Floats, negative: npt.NDArray[np.bool_]) -> Characters:
    significand, decimals = _shortest(size)
    # A shortest decimal lies on its float's side of every whole number, so these are its whole part.
    whole = size.astype(np.int64)
    fraction = (significand - whole * POWERS[decimals]) * POWERS[MOST_DECIMALS - decimals]
    signs = (negative * np.uint8(MINUS))[:, None]
    return np.concatenate([signs, integer_text(whole), _fraction_text(fraction)], axis=1)


def _shortest(size: Floats) -> tuple[Integers, Integers]:
    """Return the decimals that `repr` writes, as significands of 17 digits, and how many of these are decimals.

    The candidates of 17, 16 and 15 digits are tried in turn: the last that lies within half a unit in the last place of
    the double is what `repr` writes, without the zeros at its end. Steele and White, "How to print floating-point
    numbers accurately" (1990), fixes the rule; what makes it cheap is that size · 10^decimals is known exactly, as a
    product and its rounding error (Dekker 1971).
    """
    decimals = MOST_DECIMALS + 1 - np.searchsorted(DECADES, size, side="right")
    power = FLOAT_POWERS[decimals]
    product = size * power
    size_bits, power_bits = _upper_half(size), _upper_half(power)
    error = (size_bits * power_bits - product) + size_bits * (power - power_bits)
    error += (size - size_bits) * power_bits
    error += (size - size_bits) * (power - power_bits)
    half_unit = (size.view(np.int64) & EXPONENT).view(np.float64) * 2.0**-53 * power
    # Products are at least 10**16, hence whole numbers. Only their last digits count, and 200 is even in each unit:
    # halves go to the even neighbour, as dtoa rounds them.
    whole = product.astype(np.int64)
    start = whole // 200 * 200
    exact = (whole - start) + error
    nearest = np.rint(exact)
    for unit in (10, 100):
        candidate = unit * np.rint(exact / unit)
        nearest = np.where(np.abs(candidate - exact) < half_unit, candidate, nearest)
    return start + nearest.astype(np.int64), decimals


def _upper_half(values: Floats) -> Floats:
    scaled = SPLITTER * values
    return scaled - (scaled - values)
