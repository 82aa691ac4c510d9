"""One weight matrix without a model around it."""

from __future__ import annotations

from operator import index
from typing import TYPE_CHECKING, SupportsIndex

from lora_cli.errors import InvalidInput, argument, is_several, question, quote

if TYPE_CHECKING:
    from lora_cli.models.nodes import Module

# No framework has larger dimensions, and a product of two fits 64 bits.
MAX_DIMENSION = 2**31 - 1
MATRIX_NAME = "W"


def whole_number(name: str, value: SupportsIndex, least: int, most: int) -> int:
    """Return `value`, also one of NumPy's integers, as an int from `least` to `most`, or raise `InvalidInput`.

    `name` is the argument that the error names.
    """
    expected = f"give a whole number from {least} to {most}"
    try:
        number = index(value)
    except TypeError:
        raise InvalidInput(f"{argument(name)}: {quote(value)} is not a whole number; {expected}") from None
    if isinstance(value, bool):
        raise InvalidInput(f"{argument(name)}: {quote(value)} is not a whole number; {expected}")
    if not least <= number <= most:
        raise InvalidInput(f"{argument(name)}: {quote(number)} is out of range; {expected}")
    return number


def dimension(name: str, value: SupportsIndex) -> int:
    """Return `value` as an int if a matrix can have such a size, or raise `InvalidInput`."""
    if is_several(value):
        raise several_sizes(name, value)
    return whole_number(name, value, 1, MAX_DIMENSION)


def several_sizes(name: str, value: object) -> InvalidInput:
    """Return the error for several sizes where one is needed."""
    return InvalidInput(f"{argument(name)}: {quote(value)} is not a whole number; give one, or use {question('sweep')}")


def matrix(d: SupportsIndex, h: SupportsIndex) -> Module:
    """Return the module `W` of `d` inputs by `h` outputs.

    >>> matrix(6, 8).weight_params
    48
    >>> matrix(6, 0)
    Traceback (most recent call last):
    lora_cli.errors.InvalidInput: h: 0 is out of range; give a whole number from 1 to 2147483647
    """
    # Plain LoRA needs only sizes.
    from lora_cli.models.nodes import Module

    return Module(MATRIX_NAME, dimension("d", d), dimension("h", h))
