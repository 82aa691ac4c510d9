"""GitHub's annotations, read back as its runner reads them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from printing import has_controls
from program import run
from small_models import SMALL

from lora_cli.analysis.check.verdict import FIELDS
from lora_cli.errors import InvalidInput, printable
from lora_cli.output import Report, format_writer
from lora_cli.output.registry import formats_of
from lora_cli.output.report import Location, Trouble

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


OVER = ("--max-params", "1", "--format", "github")


def adapter(folder: Path) -> None:
    """Write the config of an adapter of GPT-2."""
    folder.mkdir(parents=True)
    config = {"peft_type": "LORA", "r": 4, "target_modules": ["c_attn"]}
    (folder / "adapter_config.json").write_text(json.dumps(config))


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
    assert [command(line) for line in text.splitlines() if line.startswith("::")] == [
        ("error", {"file": printable(path), "title": printable(f"lora-cli check: {rule}")}, printable(failure))
        for path, rule, failure in verdicts
        if failure is not None
    ]


def test_what_passed_is_a_plain_line(written: Write, judged: Make) -> None:
    """A step shows ten annotations: none is spent on what holds, which its log says once, and only where all of it does."""
    passed = [("a", "max-params", None), ("b", "max-params", None)]
    assert written("github", judged(passed)) == "lora-cli check: all rules hold for 'a', 'b': max-params\n"
    assert written("github", judged([*passed, ("c", "max-params", "over")])).count("\n") == 1
    trouble = judged(passed)._replace(troubles=[Trouble("c", "not there")])
    assert written("github", trouble) == "::error title=lora-cli check::not there\n"


def test_without_a_path_there_is_no_file(written: Write, judged: Make) -> None:
    """A matrix and a model stand in no file."""
    assert written("github", judged([(None, "max-params", "over by 100%")])) == (
        "::error title=lora-cli check%3A max-params::over by 100%25\n"
    )


def test_a_line_is_that_of_the_file(written: Write, judged: Make) -> None:
    """A subject that a table names stands at its line."""
    report = judged([("a", "max-params", "over")])._replace(locations={"a": Location("é/pyproject.toml", 7)})
    assert command(written("github", report).rstrip())[1] == {
        "file": "é/pyproject.toml",
        "line": "7",
        "title": "lora-cli check: max-params",
    }


def test_check_annotates_once_and_still_fails() -> None:
    """GitHub's log shows both streams: what the annotation on stdout says, stderr does not repeat."""
    done = run("check", "-d", "8", "-h", "8", "-r", "2", "--max-params", "1", "--format", "github")
    assert (done.returncode, done.stdout.count("::error "), done.stdout.count("\n")) == (1, 1, 1)
    assert done.stderr == ""


def test_annotations_in_a_file_are_said_too(tmp_path: Path) -> None:
    """The log does not show that file."""
    limit = ("-d", "8", "-h", "8", "-r", "2", "--max-params", "1", "--format", "github")
    done = run("check", *limit, "-o", "out", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("check failed")) == (1, "", 1)
    assert (tmp_path / "out").read_text().startswith("::error ")


@pytest.mark.parametrize("env", [{"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, {}])
def test_a_path_of_any_script_keeps_its_file(tmp_path: Path, env: dict[str, str]) -> None:
    """GitHub reads UTF-8, whatever the locale of the step is."""
    adapter(tmp_path / "é 模")
    done = run("check", "é 模", "--model", "gpt2", *OVER, cwd=tmp_path, env=env)
    assert command(done.stdout.rstrip())[1]["file"] == "é 模/adapter_config.json"


def test_the_file_is_the_config_of_the_subject(tmp_path: Path) -> None:
    """Of an adapter, in whatever way it is named, and of a model in files; a model by its name has none."""
    adapter(tmp_path / "a")
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "config.json").write_text(json.dumps(SMALL["gpt2"]))
    for subject, file in (
        (("a", "--model", "gpt2"), "a/adapter_config.json"),
        ((str(tmp_path / "a"), "--model", "gpt2"), "a/adapter_config.json"),
        (("a/adapter_config.json", "--model", "gpt2"), "a/adapter_config.json"),
        (("--adapter", "a", "--model", "base"), "a/adapter_config.json"),
        (("base",), "base/config.json"),
        (("--model", "base"), "base/config.json"),
        (("--model", "gpt2"), None),
    ):
        done = run("check", *subject, *OVER, cwd=tmp_path)
        assert command(done.stdout.rstrip())[1].get("file") == file


def test_a_file_is_named_from_the_repository(tmp_path: Path) -> None:
    """A step may run in a folder of the repository, from whose root GitHub counts."""
    adapter(tmp_path / "sub" / "a")
    for root, file in ((tmp_path, "sub/a/adapter_config.json"), (tmp_path / "other", "a/adapter_config.json")):
        env = {"GITHUB_WORKSPACE": str(root)}
        done = run("check", "a", "--model", "gpt2", *OVER, cwd=tmp_path / "sub", env=env)
        assert command(done.stdout.rstrip())[1]["file"] == file


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


def test_what_was_not_checked_does_not_hold(written: Write) -> None:
    """The log has a line of its own for it."""
    rows = [("a", "findings", 0, 0, True), ("a", "loads-in diffusers", None, 0, None)]
    report = Report("check", ("path", *FIELDS), [rows], 2, listing=True, failures=[None, None])
    assert written("github", report) == (
        "lora-cli check: these rules hold for 'a': findings\n"
        "lora-cli check: these rules were not checked for 'a': loads-in diffusers\n"
    )
