"""The smallest subject: one weight matrix, without a model around it."""

from __future__ import annotations

from lora_cli.errors import InvalidInput, quote
from lora_cli.models.nodes import Module

# Dimensions past 32 bits belong to no framework's matrices, and products of two still fit 64 bits.
MAX_DIMENSION = 2**31 - 1


def dimension(name: str, value: int) -> int:
    """Return `value` if it is a size that a matrix can have; `name` is what the error calls it."""
    if type(value) is not int:
        raise InvalidInput(f"{name}: {quote(value)} is not an int; give a whole number from 1 to {MAX_DIMENSION}")
    if not 1 <= value <= MAX_DIMENSION:
        raise InvalidInput(f"{name}: {quote(value)} is out of range; give a whole number from 1 to {MAX_DIMENSION}")
    return value


def matrix(d: int, h: int) -> Module:
    """Return the module `W` of `d` inputs by `h` outputs.

    >>> matrix(6, 8).weight_params
    48
    >>> matrix(6, 0)
    Traceback (most recent call last):
    lora_cli.errors.InvalidInput: h: 0 is out of range; give a whole number from 1 to 2147483647
    """
    return Module("W", dimension("d", d), dimension("h", h))
