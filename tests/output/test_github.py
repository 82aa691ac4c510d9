"""GitHub's annotations, read back as its runner reads them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from printing import has_controls
from program import run

from lora_cli.errors import InvalidInput, printable
from lora_cli.output import Report, format_writer
from lora_cli.output.registry import formats_of

Write = Callable[..., str]
Make = Callable[..., Report]
Judged = list[tuple[str | None, str, str | None]]

TEXTS = st.text(min_size=1, max_size=30) | st.sampled_from(
    ["::error::x", "a,b=c", "50%", "%0A", "x\n::set-env name=A::b"]
)
VERDICTS = st.lists(st.tuples(TEXTS, TEXTS, TEXTS | st.none()), max_size=5)
# Fixtures that only make functions are the same for every example.
SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
ESCAPES = {"%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ","}


def unescaped(text: str) -> str:
    """Return what the runner makes of escaped text: `%25` last, as its ActionCommand does."""
    for code, character in ESCAPES.items():
        text = text.replace(code, character)
    return text.replace("%25", "%")


def command(line: str) -> tuple[str, dict[str, str], str]:
    """Return the name, the properties and the message of a workflow command."""
    empty, head, message = line.split("::", 2)
    assert empty == ""
    name, _, properties = head.partition(" ")
    pairs = [pair.split("=", 1) for pair in properties.split(",")]
    return name, {key: unescaped(value) for key, value in pairs}, unescaped(message)


@SHARED
@given(verdicts=VERDICTS)
def test_each_failure_is_an_error_of_its_file(written: Write, judged: Make, verdicts: Judged) -> None:
    """Whatever names and sentences hold, the runner reads one command a failure, and none else."""
    text = written("github", judged(verdicts))
    assert not has_controls(text.replace("\n", ""))
    assert [command(line) for line in text.splitlines()] == [
        ("error", {"file": printable(path), "title": printable(f"lora-cli check: {rule}")}, printable(failure))
        for path, rule, failure in verdicts
        if failure is not None
    ]


def test_what_passed_is_silent(written: Write, judged: Make) -> None:
    """A step shows ten annotations: none is spent on what holds."""
    assert written("github", judged([("a", "max-params", None), ("b", "max-params", None)])) == ""


def test_without_a_path_there_is_no_file(written: Write, judged: Make) -> None:
    """A matrix and a model stand in no file."""
    assert written("github", judged([(None, "max-params", "over by 100%")])) == (
        "::error title=lora-cli check%3A max-params::over by 100%25\n"
    )


def test_check_annotates_and_still_fails() -> None:
    """The program writes the annotation to stdout, and its exit code is what it was."""
    done = run("check", "-d", "8", "-h", "8", "-r", "2", "--max-params", "1", "--format", "github")
    assert (done.returncode, done.stdout.count("::error "), done.stdout.count("\n")) == (1, 1, 1)


@pytest.mark.parametrize("name", [name for name, kind in formats_of(judged=True).items() if kind.judged_only])
def test_other_commands_have_nothing_to_judge(name: str) -> None:
    """A format of verdicts is refused by every command without any, with one line that lists the others."""
    with pytest.raises(InvalidInput, match=f"{name} shows only verdicts, and count gives none; choose from: auto, csv"):
        format_writer(name, 1, "count")
    done = run("count", "-d", "8", "-h", "8", "-r", "2", "--format", name)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def test_check_lists_its_formats_where_one_is_unknown() -> None:
    """The choice that check gives has github and junit."""
    with pytest.raises(InvalidInput, match=r"choose from: auto, csv, github, json, junit, .*$"):
        format_writer("xml", 1, "check", judged=True)
