"""Blocks that a side of a weight is cut into, and the refusal of numbers that do not divide it."""

from __future__ import annotations

from math import gcd, isqrt

from lora_cli.errors import InvalidInput, quote_long
from lora_cli.models.nodes import Module


def rotated_width(module: Module) -> int:
    """Return the width that is cut: the inputs, the rows' width of an embedding, a convolution's whole patch.

    PEFT takes all kernels for square, and no groups into account.

    >>> rotated_width(Module("W", 6, 8)), rotated_width(Module("E", 50, 8, "Embedding"))
    (6, 8)
    >>> rotated_width(Module("C", 3, 8, "Conv2d", kernel=(2, 2)))
    12
    """
    if module.kind == "Embedding":
        return module.h
    return module.d * module.kernel[0] ** 2 if module.kernel else module.d


def nearest_divisors(width: int, wanted: int) -> tuple[int, ...]:
    """Return the divisors of a width around `wanted`: itself, or the next below and above, the nearer first.

    >>> nearest_divisors(100, 32), nearest_divisors(100, 25), nearest_divisors(100, 400)
    ((25, 50), (25,), (100,))
    """
    below = max((i for i in divisors(width) if i <= wanted), default=None)
    above = min((i for i in divisors(width) if i >= wanted), default=None)
    found = {i for i in (below, above) if i is not None}
    # The lower one where both are as near.
    return tuple(sorted(found, key=lambda i: (abs(i - wanted), i)))


def divisors(*sizes: int) -> tuple[int, ...]:
    """Return all the whole numbers that divide every one of the sizes, in order.

    >>> divisors(12, 18)
    (1, 2, 3, 6)
    """
    common = gcd(*sizes)
    small = [number for number in range(1, isqrt(common) + 1) if common % number == 0]
    return tuple(sorted({*small, *(common // number for number in small)}))


def nearest(value: int, *sizes: int) -> str:
    """Return, in words, the nearest numbers below and above `value` that divide the sizes.

    >>> nearest(4, 12, 18), nearest(9, 12, 18)
    ('3 or 6', '6')
    """
    found = divisors(*sizes)
    below = [number for number in found if number < value][-1:]
    above = [number for number in found if number > value][:1]
    return " or ".join(map(str, (*below, *above)))


def divides(field: str, value: int, module: str, *sizes: tuple[str, int]) -> None:
    """Refuse a `value` that does not divide each of a module's sizes, and say which near ones do.

    >>> divides("gralora_k", 4, "W", ("d", 12), ("h", 18))
    Traceback (most recent call last):
    lora_cli.errors.InvalidInput: gralora_k 4 does not divide h 18 of 'W'; near values that do: 3 or 6
    """
    wrong = [f"{name} {size}" for name, size in sizes if size % value]
    if wrong:
        raise InvalidInput(
            f"{field} {value} does not divide {' and '.join(wrong)} of {quote_long(module)}; "
            f"near values that do: {nearest(value, *(size for _, size in sizes))}"
        )
