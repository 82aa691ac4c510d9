"""Plots on a terminal: as they are recorded, inside the screen, readable without colour, and true to the numbers."""

from __future__ import annotations

import pytest
from plots import COMMANDS, RECORDED, answer_of, drawn, plot_of

from lora_cli.output import Screen
from lora_cli.output.memory_parts import PARTS
from lora_cli.output.plots.canvas import Canvas
from lora_cli.output.plots.plot import Axis, BarPlot, Limit, LinePlot, Part, Series
from lora_cli.output.plots.text_drawing import draw
from lora_cli.output.plots.units import FILE, PARAMETERS, WHOLE, unit_of
from lora_cli.output.wrapping import screen_width

RANK, PARAMS = Axis("rank r", WHOLE), Axis("trainable parameters", PARAMETERS)
RISING = LinePlot(("rising",), RANK, PARAMS, (Series("up", ((1, 10), (2, 20))), Series("down", ((1, 20), (2, 10)))))
HOSTILE = ("\\x1b[31m", "模型", "שלום", "[red]x[/]", "$x$", "<b>", "a" * 40)


@pytest.mark.parametrize("name", COMMANDS)
def test_plots_are_as_recorded(name: str) -> None:
    """`python tests/support/plots.py --write` renews them."""
    assert drawn(plot_of(COMMANDS[name])) == (RECORDED / f"{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["sweep-methods", "sweep-dots"])
def test_the_number_of_each_bar_is_that_of_its_record(name: str) -> None:
    """Read back from the drawing, in the order of the rows."""
    report = answer_of(COMMANDS[name]).report
    at = list(report.fields).index("trainable_params")
    recorded = [unit_of("trainable_params").text(row[at]) for row in report.rows()]  # type: ignore[arg-type]
    text = (RECORDED / f"{name}.txt").read_text(encoding="utf-8").partition("== 40")[0]
    assert [line.split()[-1] for line in text.splitlines() if line.endswith(("K", "M"))] == recorded


def test_parts_of_the_peak_add_up() -> None:
    """The stack is as long as the peak of the record, and ends where the record says."""
    answer = answer_of(COMMANDS["memory"])
    plot, record = answer.plot, answer.report.record()
    assert isinstance(plot, BarPlot)
    assert plot.totals[plot.categories.index("backward (peak)")] == record["peak_bytes"]
    assert plot.limits[0].value == record["gpu_bytes"]


@pytest.mark.parametrize("value", [2, 4, 5, 6, 8, 10])
@pytest.mark.parametrize("height", range(16, 30))
@pytest.mark.parametrize("unicode", [True, False])
def test_a_tick_stands_where_its_value_does(value: int, height: int, unicode: bool) -> None:
    """In its row, whichever part of that the value is in."""
    plot = LinePlot((), RANK, RANK, (Series("", ((1, 11), (2, 11))),), (Limit("at", value),))
    lines = draw(plot, Screen(60, unicode=unicode, height=height))
    level, tick = ("╌", "┤") if unicode else ("-", "+")
    (row,) = (line for line in lines[2:] if line.count(level) > 30 and line.strip()[0] != tick)
    labelled = [line for line in lines[2:] if line.startswith(f"{value:>2} {tick}")]
    assert labelled in ([row], [])


def test_a_larger_part_never_gets_fewer_cells() -> None:
    """In the stack of a training, whose parts have the marks of its table's bar."""
    answer = answer_of(COMMANDS["memory"])
    assert answer.plot is not None
    stack = next(line for line in draw(answer.plot, Screen(80, unicode=True)) if line.startswith("backward (peak)"))
    record = answer.report.record()
    cells = {field: stack.count(mark) for field, (_, mark) in PARTS.items()}
    assert cells["optimizer_bytes"] >= 1
    by_size = sorted(PARTS, key=lambda field: record[field])  # type: ignore[arg-type,return-value]
    assert sorted(cells.values()) == [cells[field] for field in by_size]


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("width", [20, 33, 40, 80, 200])
@pytest.mark.parametrize("unicode", [True, False])
def test_no_line_is_wider_than_the_screen(name: str, width: int, unicode: bool) -> None:
    """From 20 columns on; and without Unicode every character is ASCII."""
    lines = draw(plot_of(COMMANDS[name]), Screen(width, unicode=unicode, height=24))
    assert max(map(screen_width, lines)) <= width
    assert unicode or all(line.isascii() for line in lines)


@pytest.mark.parametrize("width", [0, 1, 5, 19])
def test_a_screen_of_nothing_gets_the_narrowest_plot(width: int) -> None:
    """Nothing breaks, and nothing is left out."""
    assert draw(RISING, Screen(width, unicode=True, height=1)) == draw(RISING, Screen(20, unicode=True, height=1))


@pytest.mark.parametrize(("height", "most"), [(10, 14), (24, 23), (30, 29), (None, 23)])
def test_lines_stay_inside_the_height_of_the_screen(height: int | None, most: int) -> None:
    """The prompt's line is left, from the height on that axes and a legend take."""
    assert len(draw(RISING, Screen(80, unicode=True, height=height))) <= most


def test_many_names_are_shortened_for_the_height() -> None:
    """Twenty long ones share the lines of a legend, and none becomes another's."""
    series = tuple(Series(f"{at} {'x' * 36}", ((1, at + 1), (2, at + 2))) for at in range(20))
    lines = draw(LinePlot((), RANK, PARAMS, series), Screen(80, unicode=True, height=24))
    assert len(lines) <= 24
    assert all(f"{mark} {at} xxx" in "\n".join(lines) for at, mark in enumerate("ABCDEFGHIJKLMNOPQRST"))


def test_marks_tell_lines_apart_without_colour() -> None:
    """A letter for each, in the legend too, another character where they meet, and no escape sequence."""
    lines = draw(RISING, Screen(40, unicode=True))
    assert "A up   B down" in lines[-1]
    assert "\x1b" not in "".join(lines)
    crossing = LinePlot((), RANK, PARAMS, (Series("a", ((1, 1), (2, 2))), Series("b", ((1, 1), (2, 3)))))
    assert draw(crossing, Screen(40))[-1] == "A a   B b   * several"


def test_a_line_rises_with_its_numbers() -> None:
    """The letter of the larger value stands higher."""
    plot = LinePlot(("one",), RANK, PARAMS, (Series("up", ((1, 10), (2, 20))),))
    rows = [line.rindex("A") for line in draw(plot, Screen(40))[2:-1] if "A" in line]
    assert rows == sorted(rows, reverse=True)
    assert len(rows) == 2


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("width", [20, 80])
def test_hostile_names_are_text(name: str, width: int) -> None:
    """In a legend and beside a bar, at any width; what a screen lacks is escaped."""
    bars = BarPlot((name,), (name, "other"), PARAMS, (Part(name, (1, 2)),), (Limit(name, 2),))
    lines = LinePlot((name,), RANK, PARAMS, (Series(name, ((1, 1), (2, 2))),), (Limit(name, 2),))
    for plot in (bars, lines):
        shown = draw(plot, Screen(width, unicode=True))
        assert name in "".join(shown) or width < len(name)
        assert max(map(screen_width, shown)) <= width
        plain = "".join(draw(plot, Screen(width)))
        assert plain.isascii()
        assert name.encode("ascii", "backslashreplace").decode() in plain or width < 4 * len(name)


def test_a_limit_is_drawn_where_it_is() -> None:
    """At the same column in each row, behind the end of what is below it."""
    plot = BarPlot((), ("a", "b"), Axis("file", FILE), (Part("", (10**6, 2 * 10**6)),), (Limit("most", 2e6),))
    first, second = (line for line in draw(plot, Screen(60, unicode=True)) if line[:1] in {"a", "b"})
    assert first.index("│") == second.index("│") > second.rindex("█")


def test_dots_take_the_place_of_bars_on_a_logarithmic_axis() -> None:
    """It has no zero that a bar could begin at."""
    plot = BarPlot((), ("a", "b"), Axis("trainable parameters", PARAMETERS, 10), (Part("", (10, 10**6)),))
    for unicode, dot in ((True, "●"), (False, "o")):
        rows = [line for line in draw(plot, Screen(60, unicode=unicode)) if line[:1] in {"a", "b"}]
        assert [row.count(dot) for row in rows] == [1, 1]
        assert rows[0].index(dot) < rows[1].index(dot)


def test_a_canvas_has_braille_dots_or_full_stops() -> None:
    """Eight dots a character, and marks in front of them."""
    canvas = Canvas(4, 2, unicode=True)
    canvas.line((0, 0), (1, 1))
    canvas.mark((1, 1), "A")
    assert canvas.lines() == ["  ⡠A", "⡠⠊  "]
    plain = Canvas(4, 2, unicode=False)
    plain.line((0, 0), (1, 1))
    assert plain.lines() == ["  ..", ".. " + " "]
