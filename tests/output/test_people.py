"""Plain text and Markdown: every cell whole, aligned, and harmless whatever a name holds."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from printing import has_controls

from lora_cli import count, sweep
from lora_cli.analysis.count.plain_lora import FIELDS
from lora_cli.errors import printable
from lora_cli.output import Report
from lora_cli.output.columns import listing
from lora_cli.output.people import cell, heading, series, sheet, sheet_cell
from lora_cli.quantities import Value

Write = Callable[..., str]
Make = Callable[..., Report]

HOSTILE = ["blocks[red]", "\x1b[31mred", "a\nb\r\nc", "naïve — ٣ 😀", "a|b", "\\|", "x" * 500, "\u202e\0\x7f"]
COST = count(2**31 - 1, 4096, 3)
SHEET = Report(
    "count",
    FIELDS,
    [[tuple(COST.record().values())]],
    parts={
        "tensors": COST.tensors,
        "shapes": {"AB": (6, 8)},
        "samples": {"output": (0.25, None)},
    },
)
SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def markdown_cells(line: str) -> list[str]:
    """Return a Markdown table row's cells, split at pipes that no backslash escapes, and unescaped."""
    cells = re.findall(r"((?:\\.|[^\\|])*)\|", line)[1:]
    return [re.sub(r"\\(.)", r"\1", text).strip() for text in cells]


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("name", None, "unknown"),
        ("trainable_params", 0, "0"),
        ("passed", False, "no"),
        ("trainable_params", 10**18, "1,000,000,000,000,000,000"),
        ("seed", 2**64 - 1, "18446744073709551615"),
        ("percent_saved", -33.333333333333336, "-33.3333 %"),
        ("percent_saved", 99.99999999, "99.99999999 %"),
        ("trainable_percent", 0.5, "0.5 %"),
        ("reduction_factor", 1234.5678, "1,234.57x"),
        ("output_norm", 0.0, "0"),
        ("name", "blocks[red]\x1b", "blocks[red]\\x1b"),
    ],
)
def test_a_cell_is_read_as_its_field_says(field: str, value: Value, text: str) -> None:
    """Counts have every digit, percentages their sign, and 0 is not unknown."""
    assert cell(field, value) == text


def test_a_series_is_a_shape_or_a_few_values() -> None:
    """Whole numbers are the sizes of a shape, anything else a list."""
    assert series((2147483647, 3)) == "2147483647 x 3"
    assert series((0.5, None, -0.25)) == "0.5, unknown, -0.25"


def test_a_sheet_has_all_fields_then_the_parts() -> None:
    """Each field in words, then each tensor with the product of its shape, and each entry of an object."""
    labels = [label for label, _ in sheet(SHEET)]
    assert labels[: len(FIELDS)] == [heading(field) for field in FIELDS]
    assert dict(sheet(SHEET))["A"] == "3 x 2147483647 = 6,442,450,941"
    assert dict(sheet(SHEET))["trainable params"] == "6,442,463,229"
    assert [text for _, text in sheet(SHEET)][-2:] == ["6 x 8", "0.25, unknown"]


def test_a_large_size_on_a_sheet_is_exact_and_scaled() -> None:
    """The bytes are there to the last digit, and as people say them."""
    assert dict(sheet(SHEET))["adapter bytes"].startswith(f"{COST.adapter_bytes:,} (25.8 GB")
    sizes = ("adapter_bytes", "expected_bytes", "saved_bytes")
    assert [sheet_cell(field, 14344) for field in sizes] == ["14,344 (14.3 kB)"] * 3


def test_a_plain_sheet_is_a_line_a_field(written: Write) -> None:
    """Labels are padded to one width, so that the values begin in one column."""
    lines = written("plain", SHEET).splitlines()
    labels, texts = zip(*sheet(SHEET), strict=True)
    width = max(map(len, labels))
    assert [line[:width].rstrip() for line in lines] == list(labels)
    assert [line[width:].strip() for line in lines] == list(texts)


def test_a_plain_listing_is_aligned_and_its_cells_are_whole(written: Write) -> None:
    """Each line splits at its spaces into the cells again, and columns of numbers end where their header ends."""
    grid = sweep([1, 2**31 - 1], [8, 4096], [1, 2**20])
    report = Report("sweep", FIELDS, list(grid.batches()), grid.size, listing=True)
    header, *lines = written("plain", report).splitlines()
    assert header.split() == list(FIELDS)
    rows = [
        [text.replace(" %", "%") for text in row] for row in zip(*(each.cells for each in listing(report)), strict=True)
    ]
    assert [line.split() for line in lines] == rows
    assert {len(line) for line in lines} == {len(header)}


@SHARED
@given(texts=st.lists(st.text() | st.sampled_from(HOSTILE), min_size=1, max_size=4))
def test_plain_text_is_a_line_a_record(written: Write, listed: Make, texts: list[str]) -> None:
    """No name breaks a line, is cut, or brings a control character."""
    found = written("plain", listed([(text, 4, 50.0) for text in texts]))
    lines = found.splitlines()
    assert not has_controls(found.replace("\n", ""))
    assert len(lines) == len(texts) + 1
    assert all(line.startswith(printable(text)) for line, text in zip(lines[1:], texts, strict=True))


@SHARED
@given(texts=st.lists(st.text() | st.sampled_from(HOSTILE), min_size=1, max_size=4))
def test_a_markdown_listing_reads_back_cell_by_cell(written: Write, listed: Make, texts: list[str]) -> None:
    """Pipes and backslashes are escaped: every row has the header's cells, and the name is the name."""
    header, rule, *lines = written("markdown", listed([(text, 4, 50.0) for text in texts])).splitlines()
    assert markdown_cells(header) == ["name", "r", "percent_saved"]
    assert re.fullmatch(r"\|( :?-{3,}:? \|){3}", rule)
    assert [markdown_cells(line) for line in lines] == [[printable(text).strip(), "4", "50 %"] for text in texts]


def test_a_markdown_sheet_is_a_row_a_field(written: Write) -> None:
    """One record is a table of two columns."""
    header, rule, *lines = written("markdown", SHEET).splitlines()
    assert (markdown_cells(header), rule) == (["field", "value"], "| --- | ---: |")
    assert [tuple(markdown_cells(line)) for line in lines] == sheet(SHEET)


def test_an_empty_listing_is_a_header_only_in_a_table(written: Write, listed: Make) -> None:
    """No records are no rows; a script would take the header of plain text for one."""
    assert written("plain", listed([])) == ""
    header, rule = written("markdown", listed([])).splitlines()
    assert "percent_saved" in header
    assert set(rule) <= set("| -:")


@given(st.text())
def test_printable_text_keeps_all_but_controls(text: str) -> None:
    """Characters of any script stay as they are; a control character is escaped as Python writes it."""
    safe = printable(text)
    assert not has_controls(safe)
    assert safe == "".join(ascii(c)[1:-1] if has_controls(c) else c for c in text)
