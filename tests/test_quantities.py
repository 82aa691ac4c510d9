"""Quantities as they are typed: read exactly, or refused at once."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction

import pytest
from endings import ends
from hypothesis import given
from hypothesis import strategies as st

from lora_cli.analysis.sweep.axis_text import parse_axis
from lora_cli.quantities import (
    QuantityError,
    parse_bytes,
    parse_count,
    parse_memory,
    parse_percent,
    parse_real,
    parse_whole,
)

LIMIT = 2**31 - 1


def whole(text: str) -> int:
    """Read a whole number with a dimension's range."""
    return parse_whole(text, 1, LIMIT)


def axis(text: str) -> Sequence[int]:
    """Read an axis with a dimension's range."""
    return parse_axis(text, 1, LIMIT)


def short(text: str) -> str:
    """Return a test's name for a text that may be long."""
    return ascii(text)[1:20]


PARSERS: list[Callable[[str], object]] = [whole, axis, parse_bytes, parse_count, parse_percent, parse_real]

NO_NUMBER_AT_ALL = [
    *["", " ", "-", "+", ".", "x", "x1", "abc", "nan", "NaN", "inf", "-inf", "infinity", "1__0", "_1", "1_", "0x10"],
    *[" 5", "5 ", "5\n", "\t5", "5\0", "\x1b[31m5", "٣", "٣٤", "５", "²", "Ⅷ", "1\u00a00", "½", "1e", "e5", "--5"],
    *["1,2,", "4,,8", ",4", "1.5.2", "1 000", "5%%", "9" * 5000 + "x", "x" + "9" * 5000, "-" * 5000, "1e999999"],
]


@pytest.mark.parametrize("parse", PARSERS)
@pytest.mark.parametrize("text", NO_NUMBER_AT_ALL, ids=short)
def test_no_number_is_refused_with_the_text_and_a_problem(parse: Callable[[str], object], text: str) -> None:
    """Signs alone, blanks, other scripts, underscores and words are no quantity of any kind."""
    with pytest.raises(QuantityError) as caught:
        parse(text)
    assert caught.value.text == text
    assert caught.value.problem


@pytest.mark.parametrize("text", ["+5", "5.0", "1e3", "5B", "5i", "1.5K", "K", "4\u212a", "5%", "1:8:1"])
def test_a_whole_number_is_digits_and_a_unit(text: str) -> None:
    """A sign, a point, an exponent, half a unit or one of other scripts makes it no whole number."""
    with pytest.raises(QuantityError, match="is not a whole number"):
        whole(text)


@pytest.mark.parametrize(
    ("text", "number"),
    [("1_024", 1024), ("4K", 4000), ("4k", 4000), ("4Ki", 4096), ("1_0k", 10_000), ("2M", 2 * 10**6), ("1mi", 2**20)],
)
def test_a_whole_number_may_have_a_unit_in_any_case(text: str, number: int) -> None:
    """K and M are powers of a thousand as in every quantity, Ki and Mi powers of 1024."""
    assert whole(text) == number


@pytest.mark.parametrize(("text", "number"), [("20m", 20 * 10**6), ("1.5b", 15 * 10**8), ("131_072", 131_072)])
def test_a_count_is_read_in_any_case(text: str, number: int) -> None:
    """People type what they say."""
    assert parse_count(text) == number


@pytest.mark.parametrize(("text", "number"), [("50mb", 50 * 10**6), ("50MIB", 50 * 2**20), ("1_000kb", 10**6)])
def test_a_size_is_read_in_any_case(text: str, number: int) -> None:
    """The i alone tells powers of 1024 from those of 1000."""
    assert parse_bytes(text) == number


def test_what_people_write_for_an_axis_is_told_in_its_own_signs() -> None:
    """A number below 0 is none of these, nor is what ends too early."""
    for text, meant in {
        "1-64": "1:64",
        "1..64": "1:64",
        "8 16": "8,16",
        "8;16  32": "8,16,32",
        "1-9-2": "1:9:2",
    }.items():
        with pytest.raises(QuantityError, match=f"is not an axis; write {meant}$"):
            axis(text)
    for text in ("-5", "8-", "1-64:2", "8 x"):
        with pytest.raises(QuantityError, match="give a whole number"):
            axis(text)


@pytest.mark.parametrize("parse", [parse_bytes, parse_memory])
def test_a_size_without_its_b_is_told_both_units(parse: Callable[[str], int]) -> None:
    """Which of the two is meant nobody knows."""
    for text, *both in [("80G", "80GB", "80GiB"), ("50m", "50MB", "50MiB"), ("1_000k", "1000kB", "1000KiB")]:
        with pytest.raises(QuantityError) as refused:
            parse(text)
        assert all(f"{size} (" in str(refused.value) for size in both)


def test_an_axis_of_two_ends_has_step_1() -> None:
    """Both are included."""
    assert list(axis("3:6")) == [3, 4, 5, 6]


@pytest.mark.parametrize("text", ["0", "-1", "-0", str(LIMIT + 1), "9" * 5000, "-" + "9" * 5000], ids=short)
def test_a_whole_number_out_of_range_is_told_the_range(text: str) -> None:
    """A whole number outside the range is answered with the range, also one of 5,000 digits."""
    with pytest.raises(QuantityError, match=f"is out of range; give a whole number from 1 to {LIMIT}"):
        whole(text)


@given(st.integers(1, LIMIT), st.integers(0, 5000))
def test_a_whole_number_reads_back(value: int, zeros: int) -> None:
    """Every number of the range reads back, and leading zeros change nothing."""
    assert whole("0" * zeros + str(value)) == value


@given(st.integers(-100, 200))
def test_a_range_of_whole_numbers_includes_both_ends(value: int) -> None:
    """The minimum and the maximum are inside, their outer neighbours are not."""
    if 0 <= value <= 100:
        assert parse_whole(str(value), 0, 100) == value
    else:
        with pytest.raises(QuantityError):
            parse_whole(str(value), 0, 100)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_real_number_reads_back(value: float) -> None:
    """What `repr` writes is read as the same number, with a sign or without."""
    assert parse_real(repr(value)) == value
    assert parse_real(f"+{abs(value)!r}") == abs(value)


@given(st.integers(-(2**53) + 1, 2**53 - 1))
def test_a_real_number_without_a_fraction_is_an_integer(value: int) -> None:
    """A whole number comes back as an int, however it is written."""
    for text in (str(value), f"{value}.", f"{value}.0", f"{value}e0"):
        assert parse_real(text) == value
        assert type(parse_real(text)) is int


def test_a_long_text_that_is_no_real_number_is_refused_at_once() -> None:
    """A million digits and a letter are refused without backtracking, which would take hours."""
    for text in ("9" * 10**6 + "x", "9" * 10**6, "1." + "0" * 10**6 + "x"):
        with ends(), pytest.raises(QuantityError):
            parse_real(text)


@given(st.floats(allow_nan=False, allow_infinity=False), st.booleans())
def test_a_percentage_reads_back_with_and_without_its_sign(value: float, sign: bool) -> None:
    """A percentage is a float, and its sign is optional."""
    read = parse_percent(f"{value!r}%" if sign else repr(value))
    assert read == value
    assert type(read) is float


@given(st.integers(0, 10**30 - 1))
def test_a_plain_count_reads_back_exactly(value: int) -> None:
    """Thirty digits are read to the last one."""
    assert parse_count(str(value)) == value


@given(st.integers(0, 10**12), st.integers(0, 12), st.sampled_from(["", "K", "M", "B", "T"]))
def test_a_count_with_a_unit_is_exact_or_refused(digits: int, decimals: int, unit: str) -> None:
    """A count is the exact product of number and unit; one with a fraction of a parameter is refused."""
    text = f"{Decimal(digits).scaleb(-decimals):f}{unit}"
    exact = Fraction(digits, 10**decimals) * 1000 ** ["", "K", "M", "B", "T"].index(unit)
    if exact.denominator == 1:
        assert parse_count(text) == exact
    else:
        with pytest.raises(QuantityError, match="whole number of parameters"):
            parse_count(text)


@pytest.mark.parametrize("text", ["+5", "-5", "1e3", "5\u212a", "5KB", "5G", "K", ".5K", "5.K", "9" * 5000], ids=short)
def test_a_count_is_refused(text: str) -> None:
    """Signs, exponents, unknown units and half a number are no count."""
    with pytest.raises(QuantityError, match="; write it like 131072, 200K, 20M"):
        parse_count(text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("-5", "is below 0"),
        ("20X", "has the unit X, which is not known"),
        ("9" * 31, "has more than 30 digits"),
        ("20,00", "is not a whole number of parameters"),
        ("1,000,00", "is not a whole number of parameters"),
        ("1.5", "is not a whole number of parameters"),
    ],
)
def test_what_is_wrong_with_a_count_is_told(text: str, problem: str) -> None:
    """One fault, and how to write it."""
    with pytest.raises(QuantityError) as caught:
        parse_count(text)
    assert caught.value.problem.startswith(f"{problem}; write it like")


@given(st.integers(0, 10**30 - 1))
def test_digits_may_be_grouped_as_they_are_printed(value: int) -> None:
    """`20,000,000` is what the tables show."""
    assert parse_count(f"{value:,}") == parse_bytes(f"{value:,}") == parse_count(f"{value:_}") == value


@given(st.lists(st.integers(1, LIMIT), min_size=1, max_size=20))
def test_a_list_axis_keeps_order_and_repeats(values: list[int]) -> None:
    """A list is taken as it is written."""
    assert axis(",".join(map(str, values))) == tuple(values)


@given(st.integers(1, 10**6), st.integers(0, 1000), st.integers(1, 10**4))
def test_a_range_axis_includes_both_ends(start: int, steps: int, step: int) -> None:
    """A range whose step leads to its stop has steps + 1 points, the first and last as given."""
    points = axis(f"{start}:{start + steps * step}:{step}")
    assert list(points) == [start + step * index for index in range(steps + 1)]


@given(st.integers(1, LIMIT), st.integers(1, LIMIT), st.integers(1, LIMIT))
def test_a_range_axis_never_passes_its_stop(start: int, span: int, step: int) -> None:
    """A step that does not lead to the stop ends at the last point before it."""
    stop = min(LIMIT, start + span)
    points = axis(f"{start}:{stop}:{step}")
    assert points[0] == start
    assert stop - step < points[-1] <= stop


@given(st.integers(1, LIMIT), st.integers(1, LIMIT), st.integers(2, LIMIT))
def test_a_geometric_axis_multiplies_up_to_its_stop(start: int, stop: int, factor: int) -> None:
    """Each point is the factor times the one before, and the next would pass the stop."""
    start, stop = sorted((start, stop))
    points = axis(f"{start}:{stop}:x{factor}")
    assert points[0] == start
    assert all(after == factor * before for before, after in itertools.pairwise(points))
    assert points[-1] <= stop < points[-1] * factor


def test_a_huge_range_is_lazy() -> None:
    """An axis of two billion points is there at once and holds none of them."""
    points = axis(f"1:{LIMIT}:1")
    assert isinstance(points, range)
    assert (len(points), points[-1]) == (LIMIT, LIMIT)


@pytest.mark.parametrize("text", [f"1:{LIMIT}:x2", f"1:{LIMIT}:x{LIMIT}", "5:5:1", "5:5:x2"])
def test_an_axis_at_its_edges_has_a_first_and_a_last_point(text: str) -> None:
    """Equal ends give one point, and the widest geometric range ends inside its limit."""
    start, stop = map(int, text.split(":")[:2])
    points = axis(text)
    assert points[0] == start
    assert points[-1] <= stop


@pytest.mark.parametrize(
    "text",
    [
        *["8:4:1", "8:4:x2", "1:8:0", "1:8:-1", "1:8:x1", "1:8:x0", "1:8:x-2", "1:8:x", "1:8:", "1:", ":8:1", "1::1"],
        *["1:2:3:4", "::", "1:8:1.5", "1:8:x1.5", "1:8:2,10", "0:8:1", f"1:{LIMIT + 1}:1", "4;8", "4-8", "1:8:٢"],
        *["+5", "4,+8", "1e3", "1:8:xx2", "4, 8", "0", "4,0", ",".join(["9" * 5000] * 2), ":" * 5000, "," * 5000],
    ],
    ids=short,
)
def test_an_axis_is_refused_with_the_whole_text(text: str) -> None:
    """Backwards, endless, empty or malformed axes are refused, and the error names what was typed."""
    with pytest.raises(QuantityError) as caught:
        axis(text)
    assert caught.value.text == text


BYTE_SUFFIXES = {"": 1, "B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "PB": 10**15} | {
    "EB": 10**18,
    "kiB": 2**10,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
    "PiB": 2**50,
    "EiB": 2**60,
}


@given(st.decimals(0, 10**9, places=6), st.sampled_from(sorted(BYTE_SUFFIXES)))
def test_a_size_is_exact_or_refused(number: Decimal, suffix: str) -> None:
    """Decimal and binary units are their powers exactly; half a byte is none."""
    text, exact = f"{number:f}{suffix}", Fraction(number) * BYTE_SUFFIXES[suffix]
    if exact.denominator == 1:
        assert parse_bytes(text) == exact
    else:
        with pytest.raises(QuantityError):
            parse_bytes(text)


@pytest.mark.parametrize("text", ["50M", "50Mi", "50iB", "50\u212aB", "50 MB", "50MBB", "-50MB", "1e6", "5e3MB"])
def test_a_size_of_no_certain_unit_is_refused(text: str) -> None:
    """M alone may be a million or 2^20, so the message says both ways to write it."""
    with pytest.raises(QuantityError, match=r"50MB \(50 \* 1000\^2\) or 50MiB"):
        parse_bytes(text)
