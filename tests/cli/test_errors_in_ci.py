"""Errors in the formats that CI systems read: an annotation of GitHub, an `<error>` of JUnit."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from printing import has_controls
from program import run

HOSTILE = 'x\x1b[31m\n::set-env name=A::b%0A<&"]]>\u202eé'
# Whatever is wrong, from Typer's own refusals to a file that cannot be read.
WRONG = [
    ("--nope",),
    ("-r",),
    ("-h",),
    ("-d", "x", "-h", "8", "-r", "2"),
    ("-d", "8", "-h", "8", "-r", "2"),
    ("nowhere",),
    ("--model", "gpt3"),
    ("--model", "gpt2", "--max-params", "1X"),
    ("--model", "gpt2", "--max-params", "1", "--fail-on", "errors"),
    ("--model", HOSTILE),
]


def error_of(text: str) -> ET.Element:
    """Return the only error of a JUnit document whose counts add up."""
    root = ET.fromstring(text)  # noqa: S314 - it is the program's own
    assert root.tag == "testsuites"
    for node in (root, root[0]):
        assert [node.get(name) for name in ("tests", "failures", "errors")] == ["1", "0", "1"]
    error = root.find("testsuite/testcase/error")
    assert error is not None
    return error


@pytest.mark.parametrize("arguments", WRONG)
def test_github_shows_an_error_once(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """As one annotation on stdout: its log shows both streams."""
    usual = run("check", *arguments, cwd=tmp_path)
    for option in (("--format", "github"), ("--format=github",)):
        done = run("check", *option, *arguments, cwd=tmp_path)
        assert (done.returncode, done.stderr, done.stdout.count("\n")) == (2, "", 1)
        message = done.stdout.removeprefix("::error title=lora-cli check::").rstrip("\n")
        assert not has_controls(message)
        assert usual.stderr == f"lora-cli: error: {message.replace('%25', '%')}\n"


@pytest.mark.parametrize("arguments", WRONG)
def test_junit_has_an_error_in_a_whole_document(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """On stdout or in the file, with the sentence of stderr."""
    usual = run("check", *arguments, cwd=tmp_path)
    done = run("check", "--format", "junit", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, usual.stderr)
    error = error_of(done.stdout)
    assert usual.stderr == f"lora-cli: error: {error.text}\n" == f"lora-cli: error: {error.get('message')}\n"
    in_file = run("check", "--format", "junit", "-o", "report.xml", *arguments, cwd=tmp_path)
    assert (in_file.returncode, in_file.stdout, in_file.stderr) == (2, "", usual.stderr)
    assert (tmp_path / "report.xml").read_text() == done.stdout


def test_a_forgotten_value_hides_no_format() -> None:
    """A variable of a workflow that is empty leaves `-r --format github`."""
    done = run("check", "--model", "gpt2", "-r", "--format", "github")
    assert (done.returncode, done.stderr) == (2, "")
    assert (
        done.stdout == "::error title=lora-cli check::-r/--rank has no value: --format follows it at once; give one\n"
    )


def test_an_earlier_report_is_replaced_and_nothing_else_is(tmp_path: Path) -> None:
    """An error may be that the file is an input, so a file that begins like no report stays."""
    report = tmp_path / "report.xml"
    limit = ("-d", "8", "-h", "8", "-r", "2", "--max-params", "1M", "--format", "junit", "-o", str(report))
    assert run("check", *limit).returncode == 0
    assert run("check", *limit, "--nope").returncode == 2
    error_of(report.read_text())
    for content in ("{}", "[tool]\n"):
        report.write_text(content)
        done = run("check", *limit, "--nope")
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert report.read_text() == content


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[project]\nname = 'x'\n\n[tool.lora-cli]\nmax-params = '1M'\nmax-percnt = 3\n", 6),
        ("[tool.lora-cli]\n\nmax-params = true\n", 3),
        ("[tool]\nlora-cli.model = 3\n", 2),
        ('[tool . "lora-cli"]\n"max-params" = "1X"\n', 2),
        ("[other]\nmax-rank = 1\n[tool.lora-cli]\nmodel = '''\nmax-rank = 3'''\nmax-rank = 'x'\n", 6),
        ("[tool.lora-cli]\nd = 3\n", 2),
        ("[tool.lora-cli]\nmodel = 'gpt2'\ncheck = 3\n", 3),
        ("[tool.lora-cli]\nmodel = 'gpt2'\nlock = 'a'\n", 3),
        ("[tool.lora-cli]\npeft-version = '0.1'\n", 2),
        ("[tool.lora-cli]\nfail-on = ['nope']\n", 2),
        ("[tool.lora-cli]\nmax-rank = \n", 2),
        ("[tool]\nlora-cli = {lock = 3}\n", None),
    ],
)
def test_a_wrong_key_of_the_section_is_annotated_at_its_line(tmp_path: Path, text: str, line: int | None) -> None:
    """Where it has one of its own: what only looks like the key, in a text or another table, is none."""
    (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
    done = run("check", "--format", "github", cwd=tmp_path)
    at = "" if line is None else f",line={line}"
    assert (done.returncode, done.stderr) == (2, "")
    assert done.stdout.startswith(f"::error file=pyproject.toml{at},title=lora-cli check::")


def test_the_line_of_a_key_is_found_in_time(tmp_path: Path) -> None:
    """However many lines of a text look like it."""
    lines = "max-rank=\n" * 100_000
    text = f"[tool.lora-cli]\nmodel = '''{lines}'''\nmax-rank = 'x'\n"
    (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
    done = run("check", "--format", "github", cwd=tmp_path, timeout=30)
    assert (done.returncode, done.stdout.startswith("::error file=pyproject.toml,title=")) == (2, True)


@pytest.mark.parametrize("arguments", [("--format", "csv"), ("--json",), ()])
def test_other_formats_have_no_errors(arguments: tuple[str, ...]) -> None:
    """A reader of records gets records or nothing."""
    done = run("check", "nowhere", *arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


@pytest.mark.parametrize("name", ["github", "junit"])
def test_an_error_that_stdout_cannot_take_is_on_stderr(name: str) -> None:
    """A full disk, a reader that went away and a closed stream change nothing else."""
    with Path("/dev/full").open("w") as full:
        done = run("check", "nowhere", "--format", name, capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    reading, writing = os.pipe()
    os.close(reading)
    done = run("check", "nowhere", "--format", name, capture_output=False, stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert (done.returncode, done.stderr.count("'nowhere' is neither")) == (2, 1)
    done = run(
        *("check", "nowhere", "--format", name),
        preexec_fn=lambda: os.close(1),
        capture_output=False,
        stderr=subprocess.PIPE,
    )
    assert (done.returncode, done.stderr.count("'nowhere' is neither")) == (2, 1)
