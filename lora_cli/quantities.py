"""Numbers as people type and read them: whole numbers, counts, percentages and sizes.

Everything is exact: counts and sizes are integers throughout, and texts for people are never read back.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from lora_cli.errors import InvalidInput, argument, choices, quote

T = TypeVar("T")

# What a field of a record can be. None means unknown, which is not 0.
Value = str | int | float | bool | None

# Units in lower case; every quantity is read in any case.
COUNT_UNITS = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9, "t": 10**12}
# No card has less, or more: a unit was forgotten, or one was added to a number of bytes.
LEAST_MEMORY, MOST_MEMORY = 10**6, 10**15
BYTE_UNITS = ("B", "kB", "MB", "GB", "TB", "PB", "EB")
MEMORY_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
BYTE_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5, "e": 6}

# Only ASCII digits: \d, int() and float() also accept digits of other scripts. The patterns are compiled when they are
# first used, which most runs never do.
_REAL = r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?"
_WHOLE = r"(-?)([0-9]+(?:_[0-9]+)*)([km]?)(i?)"
MAX_DIGITS = 30
_NUMBER = rf"([0-9]{{1,{MAX_DIGITS}}})(?:\.([0-9]{{1,{MAX_DIGITS}}}))?"
_COUNT = rf"{_NUMBER}([kmbt]?)"
_BYTES = rf"{_NUMBER}(?:(?:([kmgtpe])(i?))?b)?"


class QuantityError(ValueError):
    """A `text` that is not the expected quantity, and the `problem`, which names the limit and the fix.

    The text may be hostile or very long; the caller quotes and shortens it.
    """

    def __init__(self, text: str, problem: str) -> None:
        super().__init__(f"{text!r} {problem}")
        self.text = text
        self.problem = problem


def read(name: str, text: str, parse: Callable[..., T], *limits: object) -> T:
    """Return `parse(text, *limits)`; an error names the argument `name`."""
    try:
        return parse(text, *limits)
    except QuantityError as error:
        raise InvalidInput(f"{argument(name)}: {quote(error.text)} {error.problem}") from None


def parse_whole(text: str, minimum: int, maximum: int) -> int:
    """Read a whole number from `minimum` to `maximum`: ASCII digits, _ between them, and K or M (Ki and Mi for 1024).

    >>> [parse_whole(text, 1, 2**31 - 1) for text in ("4096", "4_096", "4K", "4ki")]
    [4096, 4096, 4000, 4096]
    >>> parse_whole("0", 1, 2**31 - 1)
    Traceback (most recent call last):
    lora_cli.quantities.QuantityError: '0' is out of range; give a whole number from 1 to 2147483647
    """
    expected = f"give a whole number from {minimum} to {maximum}"
    sign, written, unit = "", text, 1
    if not (text.isascii() and text.isdigit()):
        match = re.fullmatch(_WHOLE, _lower(text))
        if match is None or (match[4] and not match[3]):
            raise QuantityError(text, f"is not a whole number; {expected}")
        sign, written = match[1], match[2].replace("_", "")
        unit = 1024 ** BYTE_POWERS[match[3]] if match[4] else COUNT_UNITS[match[3]]
    # The length is checked first, because int() takes quadratic time and refuses more than 4,300 digits.
    digits = written.lstrip("0") or "0"
    if sign or len(digits) > len(str(maximum)) or not minimum <= int(digits) * unit <= maximum:
        raise QuantityError(text, f"is out of range; {expected}")
    return int(digits) * unit


def parse_real(text: str) -> int | float:
    """Read a finite number; a number without a fraction becomes an integer.

    >>> parse_real("16"), parse_real("0.5"), parse_real("1e-3")
    (16, 0.5, 0.001)
    >>> parse_real("nan")
    Traceback (most recent call last):
    lora_cli.quantities.QuantityError: 'nan' is not a finite number; write it like 16, 0.5 or 1e-3
    """
    value = float(text) if re.fullmatch(_REAL, text) else math.nan
    if not math.isfinite(value):
        raise QuantityError(text, "is not a finite number; write it like 16, 0.5 or 1e-3")
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def parse_positive(text: str) -> int | float:
    """Read a finite number above 0.

    >>> parse_positive("0")
    Traceback (most recent call last):
    lora_cli.quantities.QuantityError: '0' is not above 0; write it like 16, 0.5 or 1e-3
    """
    value = parse_real(text)
    if value <= 0:
        raise QuantityError(text, "is not above 0; write it like 16, 0.5 or 1e-3")
    return value


def parse_choice(text: str, *known: str) -> str:
    """Read one of the names `known`.

    >>> parse_choice("xml", "json", "csv")
    Traceback (most recent call last):
    lora_cli.quantities.QuantityError: 'xml' is not known; choose from: json, csv
    >>> parse_choice("jsn", "json", "csv")
    Traceback (most recent call last):
    lora_cli.quantities.QuantityError: 'jsn' is not known; did you mean json?
    """
    if text not in known:
        raise QuantityError(text, f"is not known; {choices(text, known)}")
    return text


def parse_percent(text: str, least: float = -math.inf, most: float = math.inf) -> float:
    """Read a percentage from `least` to `most`, with or without a % sign.

    >>> parse_percent("0.5"), parse_percent("99%")
    (0.5, 99.0)
    """
    try:
        value = float(parse_real(text.removesuffix("%")))
    except QuantityError:
        raise QuantityError(text, "is not a percentage; write it like 0.5 or 99") from None
    if not least <= value <= most:
        limit = f"at least {least:g}" if value < least else f"at most {most:g}"
        raise QuantityError(text, f"can never hold; give a percentage of {limit}")
    return value


def parse_count(text: str, of: str = "parameters") -> int:
    """Read a number of parameters, or `of` other things: digits, in groups of three or not, and K, M, B or T for powers of a thousand.

    >>> parse_count("131_072"), parse_count("20,000,000"), parse_count("200K"), parse_count("1.5b")
    (131072, 20000000, 200000, 1500000000)
    >>> parse_count("1.5")
    Traceback (most recent call last):
    lora_cli.quantities.QuantityError: '1.5' is not a whole number of parameters; write it like 131072, 200K, 20M or 1.5B
    """
    match = re.fullmatch(_COUNT, _plain(text))
    value = _whole(match, COUNT_UNITS[match[3]]) if match else None
    if value is None:
        raise QuantityError(
            text, f"{_fault(text, match, f'a whole number of {of}')}; write it like 131072, 200K, 20M or 1.5B"
        )
    return value


def parse_bytes(text: str) -> int:
    """Read a size in bytes, or with a unit: kB, MB and GB are powers of 1000, KiB, MiB and GiB powers of 1024.

    >>> parse_bytes("262384"), parse_bytes("50mb"), parse_bytes("1.5MiB")
    (262384, 50000000, 1572864)
    >>> parse_bytes("50M")
    Traceback (most recent call last):
    lora_cli.quantities.QuantityError: '50M' has the unit M, which is not known; write 50MB (50 * 1000^2) or 50MiB (50 * 1024^2)
    """
    return _bytes(text, "write it like 262384, 50MB (50 * 1000^2) or 50MiB (50 * 1024^2)")


def _bytes(text: str, fix: str) -> int:
    match = re.fullmatch(_BYTES, _plain(text))
    value = _whole(match, (1024 if match[4] else 1000) ** BYTE_POWERS[match[3] or ""]) if match else None
    if value is None:
        raise QuantityError(text, f"{_fault(text, match, 'a whole number of bytes')}; {_with_b(text) or fix}")
    return value


def _with_b(text: str) -> str | None:
    """Return what to write instead of a size whose unit lacks its B, which may mean either of two.

    >>> _with_b("1.5g"), _with_b("50X")
    ('write 1.5GB (1.5 * 1000^3) or 1.5GiB (1.5 * 1024^3)', None)
    """
    found = re.fullmatch(rf"({_NUMBER})([kmgtpe])", _plain(text))
    if found is None:
        return None
    number, power = found[1], BYTE_POWERS[found[4]]
    units = {1000: BYTE_UNITS[power], 1024: f"{found[4].upper()}iB"}
    return f"write {' or '.join(f'{number}{unit} ({number} * {base}^{power})' for base, unit in units.items())}"


def parse_memory(text: str) -> int:
    """Read the size of a card's memory; whoever writes 24 alone means 24 GB.

    >>> parse_memory("24GB"), parse_memory("24GiB")
    (24000000000, 25769803776)
    >>> parse_memory("24")
    Traceback (most recent call last):
    lora_cli.quantities.QuantityError: '24' is less than 1 MB; write 24GB or 24GiB
    >>> parse_memory("24000000000GB")
    Traceback (most recent call last):
    lora_cli.quantities.QuantityError: '24000000000GB' is more than 1 PB; write it like 24GB or 24GiB
    >>> parse_memory("24G")
    Traceback (most recent call last):
    lora_cli.quantities.QuantityError: '24G' has the unit G, which is not known; write 24GB (24 * 1000^3) or 24GiB (24 * 1024^3)
    """
    value = _bytes(text, "write it like 24GB or 24GiB")
    if value < LEAST_MEMORY:
        number = text if text.isdigit() and value else "24"
        raise QuantityError(text, f"is less than {bytes_text(LEAST_MEMORY)}; write {number}GB or {number}GiB")
    if value > MOST_MEMORY:
        raise QuantityError(text, f"is more than {bytes_text(MOST_MEMORY)}; write it like 24GB or 24GiB")
    return value


def _fault(text: str, match: re.Match[str] | None, expected: str) -> str:
    """Return what is wrong with a quantity; one that has a `match` is only not whole.

    >>> [_fault(text, None, "a number") for text in ("-5", "20X", "1" * 31, "x")]
    ['is below 0', 'has the unit X, which is not known', 'has more than 30 digits', 'is not a number']
    """
    parts = None if match else re.fullmatch(r"(-?)([0-9]+)(\.[0-9]+)?([a-z]{0,9})", _plain(text))
    if parts is None:
        return f"is not {expected}"
    if parts[1]:
        return "is below 0"
    if parts[4] and len(parts[2]) <= MAX_DIGITS:
        return f"has the unit {text[-len(parts[4]) :]}, which is not known"
    return f"has more than {MAX_DIGITS} digits"


def _plain(text: str) -> str:
    """Return a quantity in lower case and without what groups its digits: _ anywhere, or a comma before each three."""
    grouped = re.match(r"[0-9]{1,3}(,[0-9]{3})+(?![0-9,])", text)
    text = text if grouped is None else grouped[0].replace(",", "") + text[grouped.end() :]
    return re.sub("(?<=[0-9])_(?=[0-9])", "", _lower(text))


def _lower(text: str) -> str:
    """Return a text in lower case, but one of other scripts as it is: the sign of Kelvin has a k as its lower case."""
    return text.lower() if text.isascii() else text


def _whole(match: re.Match[str], unit: int) -> int | None:
    """Return the number of a match times its unit, or None if the product is not a whole number."""
    whole, fraction = match[1], match[2] or ""
    value, remainder = divmod(int(whole + fraction) * unit, int("1" + "0" * len(fraction)))
    return None if remainder else value


def real_number(value: object) -> int | float | None:
    """Return a finite number, also one of NumPy's, as one of Python's; anything else, and True or False, gives None.

    >>> real_number(5), real_number(0.5), real_number(math.inf), real_number(True), real_number("5")
    (5, 0.5, None, None, None)
    """
    from numbers import Integral, Real

    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    if isinstance(value, Integral):
        return int(value)
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def count_text(value: int) -> str:
    """Return a count for people: all digits, in groups of three."""
    return f"{value:,}"


def bytes_text(value: int, digits: int = 3) -> str:
    """Return a size for people, in decimal units: files are sold and budgeted in powers of 1000.

    >>> bytes_text(328), bytes_text(262384), bytes_text(2211281240)
    ('328 B', '262 kB', '2.21 GB')
    """
    return _scaled_bytes(value, 1000, BYTE_UNITS, digits)


def bytes_at_least(value: int) -> str:
    """Return a size to type as a limit that `value` bytes keep: three digits, rounded up, and a decimal unit.

    >>> bytes_at_least(328), bytes_at_least(150456), bytes_at_least(999_500), bytes_at_least(2_304_686_161)
    ('328B', '151kB', '1MB', '2.31GB')
    """
    step = 10 ** max(0, len(str(value)) - 3)
    return bytes_text(-(-value // step) * step).replace(" ", "")


def memory_text(value: int, digits: int = 3) -> str:
    """Return a size of memory for people, in binary units, as PyTorch and nvidia-smi write it.

    >>> memory_text(328), memory_text(262384), memory_text(24 * 2**30), memory_text(2**30 - 1)
    ('328 B', '256 KiB', '24 GiB', '1 GiB')
    """
    return _scaled_bytes(value, 1024, MEMORY_UNITS, digits)


def _scaled_bytes(value: int, base: int, units: Sequence[str], digits: int) -> str:
    power = sum(value >= 999.5 * base**smaller for smaller in range(len(units) - 1))
    return f"{number_text(value / base**power, digits) if power else value} {units[power]}"


def number_text(value: float, digits: int = 6) -> str:
    """Return a real number for people, with `digits` significant digits or all digits before the point.

    >>> number_text(58.333333333333336), number_text(16.0), number_text(1.5e-9)
    ('58.3333', '16', '1.5e-09')
    """
    if 1 <= abs(value) < 1e15:
        decimals = max(0, digits - len(str(int(abs(value)))))
        text = f"{value:,.{decimals}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return f"{value:.{digits}g}"


def percent_text(value: float) -> str:
    """Return a percentage for people.

    A value below 100 is never rounded up to 100, because a saving of "100 %" would be wrong.

    >>> percent_text(6.25), percent_text(41.666666666666664), percent_text(99.99999999)
    ('6.25 %', '41.6667 %', '99.99999999 %')
    """
    text = number_text(value)
    return f"{value!r} %" if text == "100" and value != 100 else f"{text} %"
