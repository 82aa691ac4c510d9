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
DIGITS, SAFE_DIGITS = 17, 15
DECADES = np.array([10.0**power for power in range(-2, 16)])
MOST_DECIMALS = DIGITS + 1
POWERS = np.array([10**power for power in range(MOST_DECIMALS + 1)])
FLOAT_POWERS = POWERS.astype(np.float64)
# Veltkamp's constant, which splits a double into two halves of 26 bits.
SPLITTER = 2.0**27 + 1

# The four digits of every number below 10,000, so that each look-up gives four digits of a number.
_QUADS = np.array([f"{value:04d}".encode() for value in range(10_000)]).view(np.uint32)


def _padded_digits(values: Integers, width: int) -> Characters:
    """Return the last `width` digits of non-negative `values`, padded with zeros."""
    quads = -(-width // 4)
    text = np.empty((len(values), quads), np.uint32)
    for column in range(quads - 1, 0, -1):
        rest = values // 10_000
        text[:, column] = _QUADS[values - rest * 10_000]
        values = rest
    text[:, 0] = _QUADS[values]
    return text.view(np.uint8)[:, 4 * quads - width :]


def _counts(counts: Integers) -> Characters:
    return counts.astype(np.uint8)[:, None]


def integer_text(values: Integers) -> Characters:
    """Return non-negative integers as `str` writes them.

    >>> integer_text(np.array([7, 65536])).tobytes().replace(b"\\0", b" ")
    b'    765536'
    """
    width = len(str(values.max(initial=0)))
    written = 1 + np.searchsorted(POWERS[1:], values, side="right")
    return _padded_digits(values, width) * (np.arange(width, dtype=np.uint8) >= width - _counts(written))


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
    significand, decimals, kept = _shortest(size)
    # A shortest decimal lies on its float's side of every whole number, so these are its whole part.
    whole = size.astype(np.int64)
    width = int(decimals.max(initial=1))
    fraction = (significand - whole * POWERS[decimals]) * POWERS[width - decimals]
    digits = _padded_digits(fraction, width) * (np.arange(width, dtype=np.uint8) < _counts(kept))
    signs = (negative * np.uint8(MINUS))[:, None]
    points = np.full((len(size), 1), POINT, np.uint8)
    return np.concatenate([signs, integer_text(whole), points, digits], axis=1)


def _shortest(size: Floats) -> tuple[Integers, Integers, Integers]:
    """Return significands of 17 digits, how many of them are decimals, and how many of those `repr` writes.

    The candidates of 15, 16 and 17 digits are tried in turn: the first that lies within half a
    unit in the last place of the double is what `repr` writes. Steele and White, "How to print
    floating-point numbers accurately" (1990), fixes the rule; what makes it cheap is that
    size · 10^decimals is known exactly, as a product and its rounding error (Dekker 1971).
    """
    decimals = MOST_DECIMALS + 1 - np.searchsorted(DECADES, size, side="right")
    power = FLOAT_POWERS[decimals]
    product = size * power
    size_bits, power_bits = _upper_half(size), _upper_half(power)
    error = (size_bits * power_bits - product) + size_bits * (power - power_bits)
    error += (size - size_bits) * power_bits
    error += (size - size_bits) * (power - power_bits)
    floor = np.floor(error)
    fraction = error - floor
    # Products are at least 10**16, hence whole numbers.
    below = product.astype(np.int64) + floor.astype(np.int64)
    half_unit = np.spacing(size) * power / 2
    significand, kept = below, decimals
    for dropped in (0, 1, DIGITS - SAFE_DIGITS):
        unit = 10**dropped
        units = below // unit
        rest = (below - units * unit) + fraction
        # Halves go to the even neighbour, as dtoa rounds them.
        units += (rest > unit / 2) | ((rest == unit / 2) & (units % 2 == 1))
        candidate = units * unit
        near = np.abs((candidate - below) - fraction) < half_unit
        significand = np.where(near, candidate, significand)
        kept = np.where(near, decimals - dropped, kept)
    return significand, decimals, _without_zeros(significand, decimals, kept)


def _without_zeros(significand: Integers, decimals: Integers, kept: Integers) -> Integers:
    """Return how many decimals stay when trailing zeros go, but one decimal stays."""
    rows = np.flatnonzero(decimals - kept == DIGITS - SAFE_DIGITS)
    rest = significand[rows] // POWERS[DIGITS - SAFE_DIGITS]
    while len(rows):
        ends_in_zero = (rest % 10 == 0) & (kept[rows] > 1)
        rows, rest = rows[ends_in_zero], rest[ends_in_zero] // 10
        kept[rows] -= 1
    return np.maximum(kept, 1)


def _upper_half(values: Floats) -> Floats:
    scaled = SPLITTER * values
    return scaled - (scaled - values)
