"""Arrays of numbers as the text that `str` and `repr` would give, many at a time.

`repr` of a float is the shortest decimal that reads back as the same float. Python finds it one
value at a time, and a large sweep would spend most of its time there. For the numbers a sweep has,
the same digits follow from exact arithmetic on whole arrays; any other number goes through `repr`.

Both functions return a matrix of characters, a row a number, with NUL (0) for "no character".
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Characters = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

ZERO, POINT, MINUS = b"0.-"

# Where a float is written without an exponent and every step below is exact in doubles and int64.
SMALLEST, LARGEST = 1e-4, 1e15
# Any decimal of 15 digits survives a double; no double needs more than 17.
ALWAYS_SAFE_DIGITS, DIGITS = 15, 17
POWERS = np.array([10.0**power for power in range(DIGITS + 5)])
DECADES = np.array([10.0**power for power in range(-4, 16)])
# Veltkamp's constant, which splits a double into two halves of 26 bits.
SPLITTER = 2.0**27 + 1

# The four digits of every number below 10,000, so that a number is four digits a look-up.
_QUADS = np.array([f"{value:04d}".encode() for value in range(10_000)]).view(np.uint32)


def _padded_digits(values: Integers, width: int) -> Characters:
    """Return the digits of non-negative `values`, padded with zeros to `width` or a few more."""
    quads = -(-width // 4)
    text = np.empty((len(values), quads), np.uint32)
    for column in range(quads - 1, 0, -1):
        rest = values // 10_000
        text[:, column] = _QUADS[values - rest * 10_000]
        values = rest
    text[:, 0] = _QUADS[values]
    return text.view(np.uint8)


def _blank_leading_zeros(digits: Characters) -> Characters:
    """Blank the zeros in front of each row's number, but keep its last digit."""
    started = np.logical_or.accumulate(digits != ZERO, axis=1)
    started[:, -1] = True
    digits[~started] = 0
    return digits


def integer_text(values: Integers) -> Characters:
    """Return non-negative integers as `str` writes them.

    >>> integer_text(np.array([7, 65536])).tobytes().replace(b"\\0", b" ")
    b'       7   65536'
    """
    return _blank_leading_zeros(_padded_digits(values, len(str(values.max(initial=0)))))


def float_text(values: Floats) -> Characters:
    """Return floats as `repr` writes them.

    >>> float_text(np.array([6.25, -58.333333333333336])).tobytes().replace(b"\\0", b"")
    b'6.25-58.333333333333336'
    """
    size = np.abs(values)
    usual = (size >= SMALLEST) & (size < LARGEST)
    rows = _usual_text(np.where(usual, size, 1.0))
    signs = np.where(values < 0, np.uint8(MINUS), np.uint8(0))[:, None]
    text = np.concatenate([signs, rows], axis=1)
    if not usual.all():
        rest = np.array([repr(value).encode() for value in values[~usual].tolist()])
        width = max(text.shape[1], rest.itemsize)
        wide = np.zeros((len(values), width), np.uint8)
        wide[usual, : text.shape[1]] = text[usual]
        wide[~usual, : rest.itemsize] = rest.view(np.uint8).reshape(len(rest), -1)
        return wide
    return text


def _shortest(size: Floats) -> tuple[Integers, Integers]:
    """Return significands of 17 digits, the shortest padded with zeros, and how many are decimals.

    The candidates of 15, 16 and 17 digits are tried in turn: the first that lies within half a
    unit in the last place of the double is what `repr` writes. Steele and White, "How to print
    floating-point numbers accurately" (1990), fixes the rule; what makes it cheap is that
    size · 10^decimals is known exactly, as a product and its rounding error (Dekker 1971).
    """
    decimals = DIGITS + 4 - np.searchsorted(DECADES, size, side="right")
    power = POWERS[decimals]
    product = size * power
    whole_bits, power_bits = _upper_half(size), _upper_half(power)
    error = (whole_bits * power_bits - product) + whole_bits * (power - power_bits)
    error += (size - whole_bits) * power_bits
    error += (size - whole_bits) * (power - power_bits)
    floor = np.floor(error)
    fraction = error - floor
    # Products are at least 10**16, hence whole numbers.
    below = product.astype(np.int64) + floor.astype(np.int64)
    half_unit = np.spacing(size) * power / 2
    significand = below
    for unit in (1, 10, 10 ** (DIGITS - ALWAYS_SAFE_DIGITS)):
        units = below // unit
        rest = (below - units * unit) + fraction
        # Halves go to the even neighbour, as dtoa rounds them.
        units += (rest > unit / 2) | ((rest == unit / 2) & (units % 2 == 1))
        candidate = units * unit
        near = np.abs((candidate - below) - fraction) < half_unit
        significand = np.where(near, candidate, significand)
    return significand, decimals


def _upper_half(values: Floats) -> Floats:
    scaled = SPLITTER * values
    return scaled - (scaled - values)


def _usual_text(size: Floats) -> Characters:
    significand, decimals = _shortest(size)
    places = np.unique(decimals).tolist()
    width = int(places[-1]) if places else 1
    integers = DIGITS + 1 - int(places[0]) if places else 1
    text = np.zeros((len(size), max(integers, 1) + 1 + width), np.uint8)
    point = text.shape[1] - 1 - width
    for decimal in places:
        rows: Any = decimals == decimal if len(places) > 1 else slice(None)
        digits = _padded_digits(significand[rows], max(DIGITS + 1, decimal + 1))
        split = digits.shape[1] - decimal
        whole = _blank_leading_zeros(digits[:, :split])[:, -point:] if point else digits[:, :0]
        written = np.zeros((len(digits), text.shape[1]), np.uint8)
        written[:, point - whole.shape[1] : point] = whole
        written[:, point] = POINT
        fraction = digits[:, split:]
        # Trailing zeros go, but one decimal stays.
        kept = np.logical_or.accumulate(fraction[:, ::-1] != ZERO, axis=1)[:, ::-1]
        kept[:, 0] = True
        written[:, point + 1 : point + 1 + decimal] = np.where(kept, fraction, 0)
        text[rows] = written
    return text
