"""Tables on a terminal: numbers whole or hidden and said to be, names literal, colour only where asked for."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import pytest

from lora_cli import count, sweep
from lora_cli.analysis.check import verdict
from lora_cli.analysis.count.plain_lora import FIELDS
from lora_cli.output import Report, Screen
from lora_cli.output.columns import listing
from lora_cli.output.people import cell, heading, sheet
from lora_cli.output.report import EXPENDABLE
from lora_cli.output.rich_console import ProgressBar

Write = Callable[..., str]
Make = Callable[..., Report]

LARGE = sweep([4096, 2**31 - 1], [4096, 14336], [16, 2**20])
SWEEP = Report("sweep", FIELDS, list(LARGE.batches()), LARGE.size, listing=True)
COST = count(2**31 - 1, 4096, 3)
SHEET = Report("count", FIELDS, [[tuple(COST.record().values())]], picture=(COST.d, COST.h, COST.r))
# What stays however narrow it gets, each cell in one piece, needs some 75 columns for numbers this large.
WIDTHS = [80, 90, 100, 120, 140, 160, 180, 200, 250, None]
MARKUP = [
    "blocks[red]",
    "[bold]x[/bold]",
    "[/]",
    ":smile:",
    "[link=file:///etc/passwd]x[/link]",
    "\\[red]",
    "[@click=app.quit]x",
]


def shown_columns(text: str) -> list[str]:
    """Return the fields whose every cell is in the text of the sweep, in one piece."""
    joined = " " + " ".join(text.split()) + " "
    return [each.field for each in listing(SWEEP) if all(f" {cell} " in joined for cell in each.cells)]


@pytest.mark.parametrize("width", WIDTHS)
def test_a_listing_has_whole_columns_or_says_which_are_hidden(written: Write, width: int | None) -> None:
    """At any width each field is either shown, all its numbers whole, or named as hidden."""
    text = written("table", SWEEP, Screen(width))
    table, _, said = text.partition("No room for")
    hidden = set(re.findall(r"\w+", said.partition(":")[0]))
    assert "…" not in text
    assert hidden <= set(EXPENDABLE)
    assert set(FIELDS) - hidden <= set(shown_columns(table))
    assert width is None or max(map(len, text.splitlines())) <= width


def test_a_wide_screen_and_no_screen_show_every_column(written: Write) -> None:
    """Without a limit of width nothing is hidden, wrapped or cut."""
    for width in (None, 300):
        text = written("table", SWEEP, Screen(width))
        assert shown_columns(text) == list(FIELDS)
        assert "No room" not in text


def test_a_wider_screen_hides_no_more_than_a_narrower_one(written: Write) -> None:
    """Columns come back as the screen grows, and a narrow one does hide some."""
    hidden = [written("table", SWEEP, Screen(width)).partition("No room for")[2].count("_") for width in WIDTHS]
    assert hidden == sorted(hidden, reverse=True)
    assert hidden[0] > 0


@pytest.mark.parametrize("width", [1, 10, 20, 40, 60])
def test_a_very_narrow_screen_cuts_no_number(written: Write, width: int) -> None:
    """Where even the last columns do not fit, their numbers are whole, and the terminal breaks the line."""
    text = written("table", SWEEP, Screen(width))
    assert "…" not in text
    assert {"d", "h", "r", "trainable_params", "percent_saved"} <= set(shown_columns(text))


@pytest.mark.parametrize("width", [20, 30, 40])
def test_a_table_that_is_too_wide_becomes_facts_of_each_row(written: Write, listed: Make, width: int) -> None:
    """No line is wider than the screen, and nothing is hidden."""
    rows = [("layers.0.self_attn.q_proj", 1_234_567_890, 12.5), ("short", 7, 0.5)]
    report = listed(rows)
    text = written("table", report, Screen(width))
    assert "No room" not in text
    assert max(map(len, text.splitlines())) <= max(width, len("  layers.0.self_attn.q_proj"))
    for row in rows:
        for field, value in zip(report.fields, row, strict=True):
            assert re.search(rf"{re.escape(heading(field))}\s+{re.escape(cell(field, value))}", text)


@pytest.mark.parametrize("width", [10, 40, 60, 80, 120, None])
@pytest.mark.parametrize("unicode", [True, False])
def test_a_sheet_has_every_number_whole_at_any_width(written: Write, width: int | None, unicode: bool) -> None:
    """A count shows each field's full value, beside or above its picture."""
    text = written("table", SHEET, Screen(width, unicode=unicode))
    for label, value in sheet(SHEET):
        assert re.search(r"\s+".join(map(re.escape, (*label.split(), *value.split()))), text)
    assert ("█" in text) == unicode
    assert ("#" in text) != unicode


def test_the_picture_stands_beside_the_sheet_where_there_is_room(written: Write) -> None:
    """On a wide screen it takes no lines of its own."""
    beside, under = (written("table", SHEET, Screen(width, unicode=True)) for width in (200, 60))
    assert len(beside.splitlines()) < len(under.splitlines())


def test_a_picture_not_to_scale_says_so(written: Write) -> None:
    """A rank too thin to draw is admitted under the picture, and one that is drawn true is not."""
    for sizes, thinner in ((SHEET.picture, True), ((6, 8, 2), False)):
        assert ("thicker than it is" in written("table", SHEET._replace(picture=sizes), Screen(None))) == thinner


def test_a_report_without_a_picture_has_none(written: Write) -> None:
    """A sheet alone is a sheet alone."""
    assert not {"#", "█"} & set(written("table", SHEET._replace(picture=None), Screen(None)))


@pytest.mark.parametrize("name", MARKUP)
@pytest.mark.parametrize("color", [True, False])
def test_markup_in_a_name_is_printed_literally(written: Write, listed: Make, name: str, color: bool) -> None:
    """Rich's markup, emoji codes and links in data are data, in rows and on a sheet."""
    assert name in written("table", listed([(name, 4, 50.0)]), Screen(None, color))
    assert name in written("table", Report("test", ["name"], [[(name,)]]), Screen(None, color))


@pytest.mark.parametrize("name", ["\x1b[31mred", "\x1b]0;title\x07", "\x9b31m", "a\rb", "a\nb", "\u202eabc"])
@pytest.mark.parametrize("color", [True, False])
def test_no_escape_sequence_of_a_name_reaches_the_terminal(
    written: Write, listed: Make, name: str, color: bool
) -> None:
    """Control characters in data are shown as Python writes them."""
    for report in (listed([(name, 4, 50.0)]), Report("test", ["name"], [[(name,)]])):
        text = written("table", report, Screen(None, color))
        assert cell("name", name) in text
        assert name not in text


@pytest.mark.parametrize("report", [SWEEP, SHEET], ids=["listing", "sheet"])
def test_colour_is_written_where_asked_for_and_nowhere_else(
    monkeypatch: pytest.MonkeyPatch, written: Write, report: Report
) -> None:
    """The screen decides, whatever the environment says, and without its colours the text is the same."""
    for variable in ("FORCE_COLOR", "NO_COLOR", "GITHUB_ACTIONS", "COLORTERM", "TTY_COMPATIBLE"):
        monkeypatch.setenv(variable, "1")
    colored, plain = (written("table", report, Screen(100, color, unicode=True)) for color in (True, False))
    assert "\x1b[" in colored
    assert "\x1b" not in plain
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == plain


@pytest.mark.parametrize("columns", ["20", "80", "500"])
def test_the_environments_columns_do_not_matter(monkeypatch: pytest.MonkeyPatch, written: Write, columns: str) -> None:
    """The width is the screen's alone; Rich's own guess is not asked for."""
    expected = written("table", SWEEP, Screen(120))
    monkeypatch.setenv("COLUMNS", columns)
    assert written("table", SWEEP, Screen(120)) == expected


def test_columns_stand_in_the_order_of_the_fields(written: Write) -> None:
    """The header has the fields' names in words, their last words in one line from left to right.

    What every row says stands above it.
    """
    above, header = written("table", SWEEP, Screen(None)).partition("\n--")[0].split("\n\n")
    assert above == "in every row: method lora"
    assert header.splitlines()[-1].split() == [heading(field).split()[-1] for field in FIELDS if field != "method"]


def test_an_empty_listing_is_its_header(written: Write, listed: Make) -> None:
    """No records are no error."""
    assert "name" in written("table", listed([]), Screen(80))


def test_progress_leaves_no_bar_behind() -> None:
    """It says what is done and how much there is, and is erased at the end."""
    stream = io.StringIO()
    bar = ProgressBar("Multiplying", 4, 5, stream, Screen(80, color=True))
    bar.advance()
    bar.stop()
    assert "Multiplying" in stream.getvalue()
    assert "5/5" in stream.getvalue()
    assert stream.getvalue().endswith("\x1b[2K")


def test_progress_without_colour_moves_the_cursor_alone() -> None:
    """Under NO_COLOR a terminal still sees the bar, and no colour."""
    stream = io.StringIO()
    ProgressBar("Multiplying", 1, 2, stream, Screen(80)).stop()
    assert re.search(r"\x1b\[[0-9;]*m", stream.getvalue()) is None
    assert "━" in stream.getvalue()


def test_progress_on_a_dumb_terminal_is_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line where it begins and one for each tenth, without any escape sequence."""
    monkeypatch.setenv("TERM", "dumb")
    stream = io.StringIO()
    bar = ProgressBar("Multiplying", 2, 40, stream, Screen(80))
    for _ in range(7):
        bar.advance()
    bar.stop()
    assert stream.getvalue() == "Multiplying: 2 of 40\nMultiplying: 4 of 40\nMultiplying: 8 of 40\n"


def test_progress_of_unknown_length_on_a_dumb_terminal_is_a_line_for_ten_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody knows a tenth of it."""
    monkeypatch.setenv("TERM", "dumb")
    stream = io.StringIO()
    bar = ProgressBar("Trying sizes", 2, None, stream, Screen(80))
    for _ in range(19):
        bar.advance()
    bar.stop()
    assert stream.getvalue() == "Trying sizes: 2\nTrying sizes: 10\nTrying sizes: 20\n"


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ([True], "1 of 2 rules hold; 1 was not checked."),
        ([], "0 of 1 rules hold; 1 was not checked."),
        ([True, False], "1 of 3 rules hold; 1 was not checked."),
    ],
)
def test_what_was_not_checked_does_not_hold(written: Write, others: list[bool], said: str) -> None:
    """Its row says so, and the last line counts it."""
    rows = [("loads-in diffusers", None, 0, None), *(("findings", 0, 0, passed) for passed in others)]
    failures = [None, *(None if passed else "it fails" for passed in others)]
    report = Report("check", verdict.FIELDS, [rows], len(rows), listing=True, failures=failures, design="check")
    lines = written("table", report, Screen(80)).splitlines()
    assert re.sub(r" +", " ", lines[2]) == "not checked loads-in diffusers unknown 0"
    assert said in lines
