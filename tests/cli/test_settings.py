"""`[tool.lora-cli]` of pyproject.toml: which file counts, what it says, and what it may not say."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from draws import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from printing import has_controls
from program import run

from lora_cli import InvalidInput
from lora_cli.analysis.check.check import known_names
from lora_cli.analysis.limits import LIMITS
from lora_cli.cli.options.limits import LimitOptions
from lora_cli.cli.pyproject_file import MAX_FILE_BYTES
from lora_cli.cli.pyproject_settings import (
    DESTINATION_KEYS,
    LIMIT_KEYS,
    LISTS,
    RULE_KEYS,
    OwnRules,
    Settings,
    read_settings,
)

MATRIX = ("check", "-d", "4096", "-h", "4096", "-r", "16")
HOSTILE = {
    "no toml": b"[tool.lora-cli\n",
    "binary": bytes(range(256)),
    "utf-16": "[tool.lora-cli]\n".encode("utf-16"),
    "nul": b"[tool.lora-cli]\n\0",
    "twice": b"[tool.lora-cli]\nmax-params = 1\nmax-params = 2\n",
    "huge": b"#" * (MAX_FILE_BYTES + 1),
    "deep": b"a = " + b"[" * 100_000,
    "deep tables": b"a = " + b"{a = " * 50_000,
    "dotted": b"a" + b".a" * 100_000 + b" = 1\n",
    "dotted header": b"[a" + b".a" * 100_000 + b"]\n",
    "dotted header of many": b"[a" + b".a" * 2_000 + b"]\n" + b"".join(b"k%d = 1\n" % n for n in range(60_000)),
    "digits": b"a = " + b"9" * 100_000,
    "hexadecimal": b"[tool.lora-cli]\nmax-params = 0x" + b"f" * 100_000,
    "no table of tools": b"tool = 1\n",
    "no section": b"[tool]\nlora-cli = 1\n",
    "list of sections": b"[[tool.lora-cli]]\n",
    "misspelt section": b"[tool.lora_cli]\n",
}
WRONG = [
    ("[tool.lora_cli]\nmax-params = 1", "the section [tool.lora_cli] is not known; write [tool.lora-cli]"),
    ("max_params = 1", "has no key 'max_params'; did you mean max-params"),
    ("max-parms = 1", "has no key 'max-parms'; did you mean max-params"),
    ("colour = 1", "has no key 'colour'; choose from: max-percent, max-params"),
    (r'"\u001b[31m" = 1', r"has no key '\x1b[31m'"),
    ("max-params = true", "max-params is True; it must be a number"),
    ("max-params = []", "max-params is []; it must be a number"),
    ("max-params = 2026-01-01", "it must be a number"),
    ("max-params = -1", "max-params: '-1' is below 0"),
    ("max-params = 1.5", "max-params: '1.5' is not a whole number of parameters"),
    ("max-params = nan", "max-params: 'nan'"),
    ('max-params = "20X"', "max-params: '20X'"),
    ('max-params = ""', "max-params: ''"),
    ('max-bytes = "50M"', "max-bytes: '50M' has the unit M, which is not known"),
    ("max-percent = inf", "max-percent: 'inf' is not a percentage"),
    ("max-percent = -1", "max-percent: '-1' can never hold"),
    ("min-saved = 100.5", "min-saved: '100.5' can never hold"),
    ('fail-on = "error"', "fail-on is 'error'; it must be a list of strings"),
    ("fail-on = [1]", "fail-on is [1]; it must be a list of strings"),
    ('ignore = [""]', "ignore is ['']; it must be a list of strings"),
    ("ignore = {}", "ignore is {}; it must be a list of strings"),
    ("model = 1", "model is 1; it must be a string that is not empty"),
    ('model = ""', "model is ''; it must be a string that is not empty"),
    ("lock = 1", "lock is 1; it must be a string that is not empty"),
    ("r = 8", "has no key 'r'; write it into a table [[tool.lora-cli.check]]"),
    ('loads-in = "vlm"', "loads-in: 'vlm' is not known; did you mean vllm?"),
    ("loads-in = 1", 'loads-in is 1; it must be names in a list or a string, e.g. ["peft", "vllm"]'),
    ('loads-in = ""', "loads-in is ''; it must be names in a list or a string"),
    ("loads-in = []", "loads-in is []; it must be names in a list or a string"),
    ('loads-in = ["peft", "vlm"]', "loads-in: 'vlm' is not known; did you mean vllm?"),
    ("loads-in = [1]", "loads-in: 1 is not known; choose from: diffusers, peft, vllm"),
    ('loads_in = "peft"', "has no key 'loads_in'; did you mean loads-in?"),
    ("peft-version = 0.13", 'peft-version is 0.13; it must be a string, e.g. "0.13"'),
    ('peft-version = "99.0"', "peft-version: '99.0' is newer than 0.21.2"),
    ("max-rank = 0", "max-rank: '0' is out of range; give a whole number from 1"),
    ("max-rank = 1.5", "max-rank: '1.5' is not a whole number"),
    ("[tool.lora-cli.limits]", "has no key 'limits'; choose from: max-percent"),
]

Write = Callable[..., Path]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Return what writes a section, and stands in a folder below it."""
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")

    def write(body: str | bytes, folder: Path = tmp_path, section: str = "[tool.lora-cli]\n") -> Path:
        path = folder / "pyproject.toml"
        path.write_bytes(body if isinstance(body, bytes) else (section + body).encode())
        return path

    return write


def test_every_key_is_read(project: Write) -> None:
    """Numbers as TOML has them, texts as the options take them, and lists of names."""
    path = project(
        'max-percent = "0.5%"\nmax-params = 20_000_000\nmin-saved = 99\nexpect-params = "1.5B"\nmax-bytes = "50MiB"\n'
        'max-rank = 64\nfail-on = ["error", "tied-apart"]\nignore = ["full-embeddings"]\nmodel = "base"\n'
        'loads-in = "peft"\npeft-version = "0.13"\n'
    )
    found = {"max_percent": 0.5, "max_params": 20_000_000, "min_saved": 99.0, "expect_params": 1_500_000_000} | {
        "max_bytes": 50 * 2**20,
        "max_rank": 64,
    }
    rules = OwnRules(found, ("error", "tied-apart"), ("full-embeddings",), ["peft"], "0.13")
    assert read_settings(known_names) == Settings(rules, "base", [], str(path))


def test_every_limit_has_a_key() -> None:
    """Each limit that can be checked has a key, named as its rule, in one order."""
    assert list(LIMIT_KEYS) == [limit.rule for limit in LIMITS.values()]
    assert (*LIMIT_KEYS, *LISTS, *DESTINATION_KEYS) == RULE_KEYS


def test_a_release_goes_with_its_loader() -> None:
    """The one in the file is dropped where the command line names another loader, and kept where it names none."""
    section = OwnRules(loads_in="peft", peft_version="0.13")
    assert OwnRules().over(section) == section
    assert OwnRules(peft_version="0.14").over(section) == OwnRules(loads_in="peft", peft_version="0.14")
    assert OwnRules(loads_in="peft").over(section) == section
    assert OwnRules(loads_in="vllm").over(section) == OwnRules(loads_in="vllm")
    (destination,) = section.complete().destinations
    assert (destination.loader.name, destination.release.version) == ("peft", "0.13.2")
    assert not OwnRules().complete().destinations


def test_without_a_section_the_defaults_hold(project: Write) -> None:
    """A pyproject.toml of other tools, or none at all, says nothing: errors alone fail."""
    assert read_settings(known_names) == Settings(OwnRules({}, None, None), None, (), None)
    project("", section="[tool.ruff]\n")
    assert read_settings(known_names) == Settings()


def test_an_empty_section_says_nothing_but_is_one(project: Write) -> None:
    """It stops the search."""
    path = project("")
    assert read_settings(known_names) == Settings(tables=[], source=str(path))


def test_the_nearest_section_counts_alone(project: Write, tmp_path: Path) -> None:
    """A file without the section is passed over, one with it hides those above whole."""
    project("max-params = 1\nmax-percent = 1\n")
    project("", folder=tmp_path / "below", section="[project]\nname = 'x'\n")
    assert read_settings(known_names).rules.limits == {"max_params": 1, "max_percent": 1}
    project("max-params = 2\n", folder=tmp_path / "below")
    assert read_settings(known_names).rules.limits == {"max_params": 2}


def test_the_command_line_wins_key_by_key(project: Write) -> None:
    """An option replaces its own key, and no other."""
    project("max-params = 1\nmax-percent = 0.5\n")
    done = run(*MATRIX, "--max-params", "200K", "--min-saved", "0", "--format", "csv")
    assert done.stdout.splitlines()[1:] == [
        "max-percent,0.78125,0.5,false",
        "max-params,131072,200000,true",
        "min-saved,99.21875,0.0,true",
    ]


@given(st.sampled_from(sorted(LIMITS)), st.text(max_size=10) | st.integers(0, 10**12).map(str))
def test_a_text_means_what_the_option_means(name: str, text: str) -> None:
    """The file and the command line read a limit alike, or refuse it alike."""

    def outcome(read: Callable[[], Any]) -> object:
        try:
            return read()
        except InvalidInput as refused:
            return str(refused).partition(": ")[2]

    from lora_cli.cli.pyproject_settings import _limit

    in_file = outcome(lambda: _limit(text, LIMITS[name], "file"))
    assert in_file == outcome(lambda: LimitOptions({name: text}).read()[name])


@pytest.mark.parametrize(("body", "problem"), WRONG)
def test_what_is_wrong_is_said_of_the_file_and_the_key(project: Write, body: str, problem: str) -> None:
    """The message names the file and the key, and the near or the right one."""
    path = project(body)
    with pytest.raises(InvalidInput) as caught:
        read_settings(known_names)
    assert str(path) in str(caught.value)
    assert "tool.lora-cli" in str(caught.value)
    assert problem in str(caught.value)


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_refused_at_once(project: Write, body: bytes) -> None:
    """Whatever pyproject.toml is, it is one line and exit code 2, without much time or memory."""
    path = project(body)
    done = run(*MATRIX, "--max-params", "1", timeout=10)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert str(path) in done.stderr
    assert done.stderr.isascii()
    assert len(done.stderr) < 400


def test_what_is_no_regular_file_is_refused(project: Write, tmp_path: Path) -> None:
    """A pipe is not waited for, a folder and a link to nothing are no settings."""
    path = tmp_path / "pyproject.toml"
    for make in (os.mkfifo, os.mkdir, lambda path: path.symlink_to("nowhere")):
        make(path)
        done = run(*MATRIX, "--max-params", "1", timeout=10)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert str(path) in done.stderr
        path.rmdir() if path.is_dir() else path.unlink()
    assert project("max-params = 131072\n") == path
    assert run(*MATRIX).returncode == 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(50))
@given(
    st.dictionaries(
        st.sampled_from(RULE_KEYS), st.text(max_size=5) | st.integers() | st.floats() | st.lists(st.text(max_size=3))
    )
)
def test_any_values_are_settings_or_refused(project: Write, values: dict[str, Any]) -> None:
    """No value of any type does anything else."""
    project("".join(f"{key} = {toml(value)}\n" for key, value in values.items()))
    try:
        found = read_settings(known_names)
    except InvalidInput as refused:
        assert not has_controls(str(refused))  # noqa: PT017
    else:
        assert {LIMITS[name].rule for name in found.rules.limits} == values.keys() & LIMIT_KEYS.keys()


def toml(value: object) -> str:
    """Return a value as TOML has it."""
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, str):
        return '"' + "".join(f"\\U{ord(c):08X}" for c in value if not "\ud800" <= c <= "\udfff") + '"'
    return repr(value)


def test_codes_are_known_where_they_are_given(project: Write) -> None:
    """A severity or a code that does not exist would let everything pass."""
    project('fail-on = ["warning", "tied-apart"]\nignore = ["rank-past-break-even"]\n')
    assert read_settings(known_names).rules.fail_on == ("warning", "tied-apart")
    for body, problem in (
        ('fail-on = ["warnings"]', "fail-on: 'warnings' is not known; did you mean warning?"),
        ('fail-on = ["tied-aparts"]', "fail-on: 'tied-aparts' is not known; did you mean tied-apart?"),
        ('fail-on = ["warning,nan"]', "fail-on: 'warning,nan' is not known; "),
        ('ignore = ["error"]', "ignore: 'error' is not known; "),
    ):
        project(body)
        with pytest.raises(InvalidInput, match=re.escape(problem)):
            read_settings(known_names)


def test_check_takes_its_limits_from_the_file(project: Write) -> None:
    """A bare check is judged by the project, an option judges otherwise, and a failure is exit code 1."""
    project('max-params = "100K"\nmax-bytes = "1MB"\n')
    done = run(*MATRIX, "--format", "csv")
    assert done.returncode == 1
    assert done.stdout.splitlines()[1:] == ["max-params,131072,100000,false", "max-bytes,524528,1000000,true"]
    assert run(*MATRIX, "--max-params", "200K").returncode == 0


def test_no_other_command_reads_the_file(project: Write) -> None:
    """A malformed section is check's trouble alone."""
    project(HOSTILE["no toml"])
    assert run("count", "-d", "8", "-h", "8", "-r", "2").returncode == 0
    assert run(*MATRIX, "--max-params", "1").returncode == 2


def test_a_removed_folder_is_in_no_project(tmp_path: Path) -> None:
    """A working directory that is not there any more has no pyproject.toml above it."""
    folder = tmp_path / "gone"
    folder.mkdir()
    done = run(*MATRIX, "--max-params", "200K", cwd=folder, preexec_fn=folder.rmdir)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_limit_is_an_option() -> None:
    """They are generated from the limits, with their help."""
    shown = " ".join(run("check", "--help").stdout.split())
    for name, limit in LIMITS.items():
        assert f"--{name.replace('_', '-')} {limit.metavar}" in shown
        assert limit.help in shown
