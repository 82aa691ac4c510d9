"""Blocks that a side of a weight is cut into, and the refusal of sizes that do not divide it."""

from __future__ import annotations

from collections.abc import Mapping
from math import gcd, isqrt

from lora_cli.errors import InvalidInput, quote, quote_long
from lora_cli.models.nodes import Module


def rotated_width(module: Module) -> int:
    """Return the width that is cut: the inputs, an embedding's row, or a convolution's whole patch.

    PEFT assumes that kernels are square, and ignores groups.

    >>> rotated_width(Module("W", 6, 8)), rotated_width(Module("E", 50, 8, "Embedding"))
    (6, 8)
    >>> rotated_width(Module("C", 3, 8, "Conv2d", kernel=(2, 2)))
    12
    """
    if module.kind == "Embedding":
        return module.h
    return module.d * module.kernel[0] ** 2 if module.kernel else module.d


def divisors(*sizes: int) -> tuple[int, ...]:
    """Return, in order, the whole numbers that divide every one of the sizes.

    >>> divisors(12, 18)
    (1, 2, 3, 6)
    """
    common = gcd(*sizes)
    small = [number for number in range(1, isqrt(common) + 1) if common % number == 0]
    return tuple(sorted({*small, *(common // number for number in small)}))


def nearest_divisors(wanted: int, *sizes: int) -> tuple[int, ...]:
    """Return `wanted` if it divides the sizes, else the divisors just below and above it, the nearer one first.

    >>> nearest_divisors(32, 100), nearest_divisors(25, 100), nearest_divisors(400, 100), nearest_divisors(4, 12, 18)
    ((25, 50), (25,), (100,), (3, 6))
    """
    common = divisors(*sizes)
    below = max((number for number in common if number <= wanted), default=None)
    above = min((number for number in common if number >= wanted), default=None)
    # The lower one if both are as near.
    return tuple(sorted({n for n in (below, above) if n is not None}, key=lambda n: (abs(n - wanted), n)))


def check_divides(field: str, value: int, module: Module, sizes: Mapping[str, int] | None = None) -> None:
    """Refuse a `value` that does not divide each of a module's sizes, d and h by default, and offer the nearest ones.

    >>> check_divides("gralora_k", 4, Module("W", 12, 18), {"rank": 8, "d": 12, "h": 18})
    Traceback (most recent call last):
    lora_cli.errors.InvalidInput: gralora_k 4 does not divide h 18 of 'W'; take 2
    >>> check_divides("block_size", 6, Module("W", 12, 18))
    """
    sizes = {"d": module.d, "h": module.h} if sizes is None else sizes
    wrong = [f"{name} {size}" for name, size in sizes.items() if size % value]
    if wrong:
        listed = " and ".join(filter(None, (", ".join(wrong[:-1]), wrong[-1])))
        near = sorted(set(nearest_divisors(value, *sizes.values())))
        raise InvalidInput(
            f"{field} {quote(value)} does not divide {listed} of {quote_long(module.name)}; "
            f"take {' or '.join(map(str, near))}"
        )
