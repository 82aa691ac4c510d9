"""JSON, NDJSON, CSV and raw fields: what is read back by the standard library is what was written."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from printing import has_controls

from lora_cli import check, count, forward, sweep
from lora_cli.analysis.check.verdict import FIELDS as CHECK_FIELDS
from lora_cli.analysis.count.plain_lora import FIELDS
from lora_cli.analysis.forward.forward import FIELDS as FORWARD_FIELDS
from lora_cli.analysis.sweep.batches import POINTS, ArrayRows
from lora_cli.errors import InvalidInput, printable
from lora_cli.output import Report, Screen, field_writer, format_writer
from lora_cli.output.format import READABLE_ROWS
from lora_cli.output.registry import formats_of
from lora_cli.output.report import raw_text, rows_text
from lora_cli.quantities import Value

Write = Callable[..., str]
Make = Callable[..., Report]

MACHINES = ("json", "ndjson", "csv")
VALUES = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
) | st.text(max_size=20)
ROWS = st.lists(st.tuples(VALUES, VALUES, VALUES), max_size=5)
HOSTILE = ["blocks[red]", "\x1b[31mred", "a\nb\r\nc", "naïve — ٣ 😀", 'say "hi", you', "a|b", "\\n", "", "\u202e\0\x7f"]
COST = count(2**31 - 1, 4096, 3)
# Fixtures that only make functions are the same for every example.
SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])

REPORTS = {
    "count": Report(
        "count",
        FIELDS,
        [[tuple(COST.record().values())]],
        parts={"tensors": COST.tensors},
    ),
    "forward": Report(
        "forward",
        FORWARD_FIELDS,
        [[tuple(forward(6, 8, 2, alpha=1e6, dtype="float16").record().values())]],
        parts={
            "shapes": forward(6, 8, 2).shapes,
            "samples": forward(6, 8, 2, alpha=1e6, dtype="float16").samples,
        },
    ),
    "check": Report(
        "check",
        CHECK_FIELDS,
        [[tuple(v.record().values()) for v in check(COST, max_percent=5, min_saved=99.99999, max_params=7)]],
        3,
        listing=True,
    ),
    "sweep": Report(
        "sweep", FIELDS, list(sweep(range(1, 60), range(5, 900, 5), [1, 2]).batches()), 59 * 179 * 2, listing=True
    ),
}


def json_values(values: object) -> object:
    """Return values as JSON has them: tuples are lists."""
    return json.loads(json.dumps(values))


def assert_no_constant(constant: str) -> None:
    """Fail where a text has a number that JSON does not know."""
    raise AssertionError(constant)


@pytest.mark.parametrize("question", REPORTS)
def test_json_is_one_object_with_every_value(written: Write, question: str) -> None:
    """The object has version, command, the records under their fields' names, and the parts."""
    report = REPORTS[question]
    read = json.loads(written("json", report), parse_constant=assert_no_constant)
    assert list(read) == ["schema_version", "command", "results", *report.parts]
    assert (read["schema_version"], read["command"]) == (1, question)
    assert read["results"] == [dict(zip(report.fields, row, strict=True)) for row in report.rows()]
    assert {name: read[name] for name in report.parts} == json_values(dict(report.parts))


@pytest.mark.parametrize("question", REPORTS)
def test_ndjson_is_an_object_a_line(written: Write, question: str) -> None:
    """Each line is the record that JSON has, and the last one ends too."""
    report = REPORTS[question]
    text = written("ndjson", report)
    assert text.endswith("\n")
    records = [json.loads(line, parse_constant=assert_no_constant) for line in text.splitlines()]
    assert records == json.loads(written("json", report))["results"]


@pytest.mark.parametrize("question", REPORTS)
def test_csv_has_the_header_and_every_value(written: Write, question: str) -> None:
    """`csv.DictReader` reads the fields' names and the values as they are written raw."""
    report = REPORTS[question]
    records = list(csv.DictReader(io.StringIO(written("csv", report), newline=""), strict=True))
    assert records == [
        {field: raw_text(value) for field, value in zip(report.fields, row, strict=True)} for row in report.rows()
    ]


def test_csv_lines_end_as_unix_lines_do(written: Write) -> None:
    """There is no carriage return, and a line more than there are records."""
    text = written("csv", REPORTS["sweep"])
    assert "\r" not in text
    assert text.count("\n") == REPORTS["sweep"].size + 1


@SHARED
@given(rows=ROWS)
def test_any_values_come_back_from_json(written: Write, listed: Make, rows: list[tuple[Value, ...]]) -> None:
    """Hostile text, all integers and floats, true, false and null are read back as they were."""
    fields = ["one", "two", "three"]
    read = json.loads(written("json", listed(rows, fields)))["results"]
    assert [tuple(record.values()) for record in read] == rows
    assert [[type(value) for value in record.values()] for record in read] == [list(map(type, row)) for row in rows]
    assert [json.loads(line) for line in written("ndjson", listed(rows, fields)).splitlines()] == read


@SHARED
@given(rows=ROWS)
def test_any_values_come_back_from_csv(written: Write, listed: Make, rows: list[tuple[Value, ...]]) -> None:
    """Numbers are read back bit for bit, unknown is empty, and text is escaped and never breaks a line."""
    lines = written("csv", listed(rows, ["one", "two", "three"])).splitlines()
    read = list(csv.reader(lines, strict=True))
    assert read[0] == ["one", "two", "three"]
    assert len(lines) == len(rows) + 1
    for cells, row in zip(read[1:], rows, strict=True):
        for cell, value in zip(cells, row, strict=True):
            if value is None or isinstance(value, str):
                assert cell == ("" if value is None else printable(value))
            elif isinstance(value, bool):
                assert cell == str(value).lower()
            else:
                assert type(value)(cell) == value


@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_machine_formats_have_no_control_characters(written: Write, listed: Make, name: str, text: str) -> None:
    """Whatever a name holds, only printable characters and line ends are written."""
    found = written(name, listed([(text, 4, 50.0)]))
    assert not has_controls(found.replace("\n", "").replace("\x7f", ""))


@pytest.mark.parametrize("name", ["json", "ndjson"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_json_has_no_number_for_is_an_error(written: Write, listed: Make, name: str, value: float) -> None:
    """NaN and infinity are never written; where they appear it is a bug, and loud."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        written(name, listed([("a", 4, value)]))


@pytest.mark.parametrize("sizes", [[0], [1], [2], [1, 1], [3, 2, 1], [POINTS, 1], [1, 0, 1], [0, 1]])
def test_json_has_a_comma_between_all_records_and_no_other(written: Write, sizes: list[int]) -> None:
    """However the records come in batches, of rows or of arrays, the list is whole."""
    for arrays in (False, True):
        batches = [ArrayRows([np.arange(size)], size) if arrays else [(row,) for row in range(size)] for size in sizes]
        read = json.loads(written("json", Report("test", ["row"], batches, sum(sizes), listing=True)))
        assert read["results"] == [{"row": row} for size in sizes for row in range(size)]


def test_json_without_any_batch_has_an_empty_list(written: Write) -> None:
    """No records at all are an empty list, not a missing one."""
    assert json.loads(written("json", Report("test", ["row"], [], 0, listing=True)))["results"] == []


@pytest.mark.parametrize("name", MACHINES)
def test_batches_are_written_as_they_come(name: str) -> None:
    """The first batch is on the stream before the second is asked for."""
    stream = io.StringIO()

    def batches() -> object:
        yield [("first",)]
        assert "first" in stream.getvalue()
        yield [("second",)]

    # A document that a person could read is written at once, so that a refused row leaves nothing of it.
    report = Report("test", ["name"], batches(), READABLE_ROWS + 1, listing=True)
    format_writer(name, report.size, report.command)(report, stream, Screen())
    assert "second" in stream.getvalue()


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_alone_is_its_raw_values_a_line_each(field: str) -> None:
    """`--field` prints what CSV has in that column, for a listing and for one record."""
    for question in ("count", "sweep"):
        report, stream = REPORTS[question], io.StringIO()
        field_writer([field], report.command, report.fields)(report, stream, Screen())
        column = list(report.fields).index(field)
        assert stream.getvalue().splitlines() == [raw_text(row[column]) for row in report.rows()]


def test_raw_values_of_every_kind() -> None:
    """Unknown is empty, 0 is not, floats keep every digit, and text no control character."""
    assert [raw_text(value) for value in (None, 0, 0.0, True, False, 2**70, 0.1, "", "\x1b[31m\n")] == [
        *["", "0", "0.0", "true", "false", "1180591620717411303424", "0.1", "", "\\x1b[31m\\n"]
    ]


def test_an_unknown_field_or_format_is_refused_with_the_choice() -> None:
    """The error repeats the name in safe ASCII, and lists what there is."""
    with pytest.raises(InvalidInput, match="is not a field of count; choose from: method, d, h, r") as caught:
        field_writer(["\x1b[31m"], "count", REPORTS["count"].fields)
    assert str(caught.value).isprintable()
    with pytest.raises(InvalidInput, match="is not known; choose from: auto, " + ", ".join(formats_of(judged=False))):
        format_writer("yaml", 1, "count")


@pytest.mark.parametrize("name", formats_of(judged=False))
def test_only_machines_take_more_rows_than_people_read(name: str) -> None:
    """A people's format takes 5,000 rows and refuses one more, naming a format that streams."""
    assert callable(format_writer(name, READABLE_ROWS, "sweep"))
    if name in {"table", "plain", "markdown"}:
        with pytest.raises(InvalidInput, match=f"5,001 rows are too many for format {name}.*csv, json or ndjson"):
            format_writer(name, READABLE_ROWS + 1, "sweep")
    else:
        assert callable(format_writer(name, READABLE_ROWS + 1, "sweep"))


def test_rows_are_text_between_their_pieces() -> None:
    """A batch without a text of its own is put together a row at a time."""
    assert rows_text([(1, None), (3, "x")], ["<", ",", ">"], repr) == "<1,None><3,'x'>"
    assert rows_text([], ["<", ">"], repr) == ""
