"""What a declaration refuses and how it names things; where an axis begins, ends, and has its ticks."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_cli import InvalidInput
from lora_cli.output.plots.plot import (
    MOST_BARS,
    MOST_POINTS,
    MOST_SERIES,
    NAME_CHARACTERS,
    Axis,
    BarPlot,
    LinePlot,
    Part,
    Series,
    names,
    shortened,
    size_base,
    value_base,
)
from lora_cli.output.plots.ticks import scale
from lora_cli.output.plots.units import FILE, MEMORY, PARAMETERS, PERCENT, WHOLE, Unit

X, Y = Axis("x", WHOLE), Axis("y", PARAMETERS)
UNITS = (PARAMETERS, FILE, MEMORY, PERCENT, WHOLE)


def lines(number: int, points: int = 2, fewer: str = "give less") -> LinePlot:
    """Return a plot of so many lines."""
    series = tuple(Series(str(at), tuple((x, x) for x in range(points))) for at in range(number))
    return LinePlot((), X, Y, series, fewer=fewer)


def bars(number: int, parts: int = 1) -> BarPlot:
    """Return a plot of so many bars."""
    each = tuple(Part(str(at), (1,) * number) for at in range(parts))
    return BarPlot((), tuple(map(str, range(number))), Y, each, fewer="give less")


def test_what_no_reader_can_tell_apart_is_refused() -> None:
    """With the number, the limit and the fix."""
    lines(MOST_SERIES)
    with pytest.raises(InvalidInput, match=r"^plot: 21 lines are more than the 20 of a readable plot; give less$"):
        lines(MOST_SERIES + 1)
    with pytest.raises(InvalidInput, match="5,002 points are more than the 5,000"):
        lines(2, MOST_POINTS // 2 + 1)
    bars(MOST_BARS)
    with pytest.raises(InvalidInput, match="61 bars are more than the 60"):
        bars(MOST_BARS + 1)
    with pytest.raises(InvalidInput, match="21 series are more than the 20"):
        bars(1, MOST_SERIES + 1)


def test_nothing_to_draw_is_refused() -> None:
    """No line, a line without points, and bars without values."""
    for make in (
        lambda: lines(0),
        lambda: lines(1, 0),
        lambda: BarPlot((), ("a",), Y, (Part("", (None,)),)),
    ):
        with pytest.raises(InvalidInput, match="nothing to draw"):
            make()


@pytest.mark.parametrize("value", [math.nan, math.inf, -1])
def test_a_value_without_a_place_is_a_bug(value: float) -> None:
    """Whoever declares a plot leaves them out; 0 has none on a logarithmic axis."""
    with pytest.raises(ValueError, match="no place"):
        LinePlot((), X, Y, (Series("", ((1, value),)),))
    with pytest.raises(ValueError, match="no place"):
        BarPlot((), ("a",), Axis("y", PARAMETERS, 10), (Part("", (0,)),))
    with pytest.raises(ValueError, match="for each category"):
        BarPlot((), ("a", "b"), Y, (Part("", (0,)),))


@given(st.lists(st.text(st.characters(codec=None), max_size=90), unique=True, max_size=12))
def test_names_are_short_printable_and_differ(texts: list[str]) -> None:
    """Whatever they are, and however alike."""
    found = names([*texts, "a" * 10_000, "a" * 10_001])
    assert all(len(name) <= NAME_CHARACTERS for name in found)
    assert not any(
        char < " " or 0xD800 <= ord(char) <= 0xDFFF or char in "\x1b\x9b\u202e" for name in found for char in name
    )
    # Two texts that print alike are told apart as well.
    assert len(set(found)) == len(found)


def test_ten_kilobytes_are_shortened_in_the_middle() -> None:
    """The end of a path matters."""
    assert shortened("a" * 10_000 + "/model") == "a" * 19 + "..." + "a" * 12 + "/model"


@given(
    st.sampled_from(UNITS),
    st.lists(st.one_of(st.integers(0, 10**15), st.floats(0, 1e6)), min_size=1, max_size=6),
    st.integers(2, 9),
    st.booleans(),
)
def test_ticks_of_a_linear_axis_are_round_few_and_on_it(
    unit: Unit, values: list[float], most: int, from_zero: bool
) -> None:
    """All values are on the axis too, and labels are as many as ticks."""
    shown = scale(Axis("y", unit), values, most, from_zero=from_zero)
    assert 1 <= len(shown.ticks) <= most + 2
    assert len(shown.labels) == len(shown.ticks)
    assert all(shown.low <= tick <= shown.high * (1 + 1e-9) for tick in shown.ticks)
    assert all(-1e-9 <= shown.share(value) <= 1 + 1e-9 for value in values)
    assert not from_zero or shown.ticks[0] == shown.low == 0


@given(st.sampled_from([2, 10]), st.lists(st.integers(1, 10**15), min_size=2, max_size=6), st.integers(2, 9))
def test_ticks_of_a_logarithmic_axis_are_powers(base: int, values: list[int], most: int) -> None:
    """As many as there is room for, and in order."""
    shown = scale(Axis("y", PARAMETERS, base), values, most)
    assert len(shown.ticks) <= most
    assert list(shown.ticks) == sorted(set(shown.ticks))
    assert all(-1e-9 <= shown.share(value) <= 1 + 1e-9 for value in values)


def test_labels_are_in_the_unit_that_the_axis_names() -> None:
    """Millions, MB and GiB; on a logarithmic axis each label has its own."""
    for unit, values, title, labels in (
        (PARAMETERS, [0, 21_000_000], "y (millions)", ("0", "5", "10", "15", "20")),
        (FILE, [0, 52_000_000], "y (MB)", ("0", "20", "40")),
        (MEMORY, [0, 24 * 2**30], "y (GiB)", ("0", "5", "10", "15", "20")),
        (PERCENT, [0, 1], "y (%)", ("0", "0.2", "0.4", "0.6", "0.8", "1")),
        (WHOLE, [0, 3], "y", ("0", "1", "2", "3")),
    ):
        shown = scale(Axis("y", unit), values, 5, from_zero=True)
        assert (shown.title, shown.labels) == (title, labels)
    assert scale(Axis("y", FILE, 10), [10**5, 10**9], 7).labels == ("100 kB", "1 MB", "10 MB", "100 MB", "1 GB")
    assert scale(Axis("y", MEMORY, 2), [2**28, 2**36], 5).labels == ("256 MiB", "1 GiB", "4 GiB", "16 GiB", "64 GiB")


def test_a_short_logarithmic_axis_has_round_numbers_within_its_decades() -> None:
    """As many as there is room for: two powers of ten alone would leave most values to be guessed."""
    values, axis = [164_864, 28_000_000], Axis("y", PARAMETERS, 10)
    assert scale(axis, values, 7).labels == ("200K", "500K", "1M", "2M", "5M", "10M", "20M")
    assert scale(axis, values, 6).labels == ("300K", "1M", "3M", "10M", "30M")
    assert scale(axis, values, 3).labels == ("1M", "10M")


def test_an_axis_is_logarithmic_where_it_must_be() -> None:
    """Powers of two, and figures over more than two decades; zero and even steps keep it linear."""
    assert [size_base(sizes) for sizes in ([4, 8, 16], [1, 2, 3, 4], [8], [8, 16], [1, 10, 1000])] == [
        2,
        None,
        None,
        None,
        10,
    ]
    assert [value_base(values, FILE) for values in ([1, 100], [1, 101], [0, 1000], [])] == [None, 10, None, None]
    assert value_base([1, 1000], MEMORY) == 2
