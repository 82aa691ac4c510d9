"""Several adapters of which some cannot be read: the others are answered, and the run ends with exit code 2."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from adapter_files import pair, write_adapter
from program import run

VALUES = np.ones((4, 16), np.float32)
JUNK = "'junk.safetensors' is not a complete safetensors file"
PATHS = ("one", "junk.safetensors", "two", "weights.pt")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with two adapters, a file that only claims to be one, and a pickle."""
    for name in ("one", "two"):
        write_adapter(tmp_path / name, pair("layers.0.q_proj", VALUES, VALUES.T))
    (tmp_path / "junk.safetensors").write_bytes(b"\xff" * 100)
    (tmp_path / "weights.pt").write_bytes(b"PK\x03\x04")
    return tmp_path


def test_check_has_a_row_for_each_that_can_be_read(folder: Path) -> None:
    """In the formats of records, where stderr names the others."""
    done = run("check", *PATHS, "--format", "csv", cwd=folder)
    assert done.returncode == 2
    assert done.stdout == "path,rule,value,limit,passed\none,findings,0,0,true\ntwo,findings,0,0,true\n"
    first, second = done.stderr.splitlines()
    assert first.startswith(f"lora-cli: error: {JUNK}: ")
    assert second.startswith("lora-cli: error: 'weights.pt': a pickle")


def test_a_limit_that_fails_beside_them_is_said_too(folder: Path) -> None:
    """Trouble decides the exit code, because the check could not be completed."""
    done = run("check", *PATHS[:3], "--max-params", "1", cwd=folder)
    assert (done.returncode, done.stderr.count("check failed: "), done.stderr.count("error: ")) == (2, 2, 1)


def test_json_lists_them(folder: Path) -> None:
    """Beside the results of check and of inspect; a run without trouble has no such list."""
    for command in ("check", "inspect"):
        answer = json.loads(run(command, *PATHS, "--json", cwd=folder).stdout)
        assert len(answer["results"]) == 2
        assert [each["subject"] for each in answer["errors"]] == ["junk.safetensors", "weights.pt"]
        assert answer["errors"][0]["message"].startswith(JUNK)
        assert "errors" not in json.loads(run(command, "one", "--json", cwd=folder).stdout)


def test_github_has_an_annotation_for_each(folder: Path) -> None:
    """At the file itself, and stderr repeats none."""
    done = run("check", *PATHS, "--format", "github", cwd=folder)
    assert (done.returncode, done.stderr) == (2, "")
    first, second = done.stdout.splitlines()
    assert first.startswith(f"::error file=junk.safetensors,title=lora-cli check::{JUNK}")
    assert second.startswith("::error file=weights.pt,title=lora-cli check::'weights.pt': a pickle")


def test_junit_counts_them_as_errors(folder: Path) -> None:
    """Beside the cases that ran, on stdout or in a file, since the document tells the whole."""
    done = run("check", *PATHS, "--format", "junit", cwd=folder)
    root = ET.fromstring(done.stdout)  # noqa: S314 - it is the program's own
    assert [root.get(name) for name in ("tests", "failures", "errors")] == ["4", "0", "2"]
    assert [suite.get("name") for suite in root] == ["one", "two", "junk.safetensors", "weights.pt"]
    error = root.find("testsuite[@name='junk.safetensors']/testcase/error")
    assert error is not None
    assert str(error.text).startswith(JUNK)
    assert run("check", *PATHS, "-o", "report.xml", cwd=folder).returncode == done.returncode == 2
    assert (folder / "report.xml").read_text() == done.stdout


def test_a_file_of_records_and_a_lock_are_written_whole_or_not_at_all(folder: Path) -> None:
    """A part of the records would be taken for all."""
    for options in (("-o", "counts.csv"), ("--lock", "counts.lock", "--update-lock")):
        done = run("check", *PATHS, *options, cwd=folder)
        assert (done.returncode, JUNK in done.stderr) == (2, True)
        assert not list(folder.glob("counts.*"))


def test_a_file_of_json_has_the_records_and_the_errors(folder: Path) -> None:
    """As stdout has, since it tells the whole."""
    for command in ("check", "inspect"):
        done = run(command, *PATHS, "--json", "-o", "all.json", cwd=folder)
        assert (done.returncode, done.stdout, done.stderr.count("error: ")) == (2, "", 2)
        assert (folder / "all.json").read_text() == run(command, *PATHS, "--json", cwd=folder).stdout


def test_where_none_can_be_read_there_are_no_records(folder: Path) -> None:
    """Each is named."""
    for command in ("check", "inspect"):
        done = run(command, "junk.safetensors", "weights.pt", "--format", "csv", cwd=folder)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 2)


def test_a_message_about_an_option_names_its_path(folder: Path) -> None:
    """Which of several paths does not go with it would not be known."""
    done = run("check", "one", "two", "--max-percent", "1", cwd=folder)
    assert [line.split("--max-percent")[0] for line in done.stderr.splitlines()] == [
        "lora-cli: error: one: ",
        "lora-cli: error: two: ",
    ]


def test_a_message_that_quotes_a_longer_name_names_its_path_too(folder: Path) -> None:
    """The path `q` is not what `'q_projj'` is about."""
    config = {"peft_type": "LORA", "r": 2, "target_modules": ["q_projj"]}
    for name in ("q", "v"):
        (folder / name).mkdir()
        (folder / name / "adapter_config.json").write_text(json.dumps(config))
    done = run("check", "q", "v", "-m", "gpt2", "--max-params", "1", cwd=folder)
    starts = [line.partition("no module")[0] for line in done.stderr.splitlines()]
    assert starts == ["lora-cli: error: q: ", "lora-cli: error: v: "]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root lists every folder")
@pytest.mark.parametrize("command", ["check", "inspect"])
def test_a_folder_that_may_not_be_listed_stops_no_other(folder: Path, command: str) -> None:
    """Its error is said beside the row of the others."""
    (folder / "closed").mkdir(mode=0)
    done = run(command, "closed", "one", "--format", "csv", cwd=folder)
    assert (done.returncode, done.stdout.count("\n"), "cannot read 'closed'" in done.stderr) == (2, 2, True)


def test_a_full_disk_swallows_no_trouble(folder: Path) -> None:
    """What could not be read is said beside what could not be written."""
    with Path("/dev/full").open("w") as full:
        done = run(
            *("check", *PATHS[:3], "--format", "csv"),
            cwd=folder,
            capture_output=False,
            stdout=full,
            stderr=subprocess.PIPE,
        )
    assert (done.returncode, JUNK in done.stderr, "No space left on device" in done.stderr) == (2, True, True)


def test_a_table_whose_file_cannot_be_read_stops_no_other(folder: Path) -> None:
    """The error stands at the line of its table, which it names."""
    tables = "".join(f"[[tool.lora-cli.check]]\npath = '{name}'\n" for name in PATHS[:3])
    (folder / "pyproject.toml").write_text(tables)
    done = run("check", "--format", "csv", cwd=folder)
    assert (done.returncode, done.stdout.count("\n"), done.stderr.count("\n")) == (2, 3, 1)
    assert f"tool.lora-cli.check[1].path: {JUNK}" in done.stderr
    done = run("check", "--format", "github", cwd=folder)
    assert (done.returncode, done.stderr) == (2, "")
    assert done.stdout.startswith("::error file=pyproject.toml,line=3,title=lora-cli check::")


def test_a_format_that_is_not_read_is_named(folder: Path) -> None:
    """Of a file, and of one in a folder without an adapter; the others are answered."""
    (folder / "lora").mkdir()
    for name in ("a.gguf", "lora/b.GGUF"):
        (folder / name).write_bytes(b"GGUF")
    done = run("inspect", "one", "a.gguf", "lora", "--field", "adapter", cwd=folder)
    assert (done.returncode, done.stdout) == (2, "one\n")
    for name in ("a.gguf", "lora/b.GGUF"):
        assert f"'{name}': its format is not read; give the adapter that it was made from" in done.stderr


def test_a_pickle_has_one_message(folder: Path) -> None:
    """Whoever reads it, alone or in a folder; it says what converts it."""
    (folder / "old").mkdir()
    (folder / "old" / "last.ckpt").write_bytes(b"PK")
    for path, name in (("weights.pt", "weights.pt"), ("old", "last.ckpt")):
        said = [run(command, path, cwd=folder).stderr for command in ("inspect", "check", "count")]
        told = f"{name}': a pickle is never unpickled here, because that can run any code; convert it with "
        assert all(told in each and "safetensors.torch.save_file(" in each for each in said)


@pytest.mark.parametrize("command", ["check", "inspect"])
def test_a_path_that_is_missing_is_told_with_what_resembles_it(folder: Path, command: str) -> None:
    """Before anything is said of the Hub, whose names look like paths."""
    (folder / "adapters").mkdir()
    write_adapter(folder / "adapters" / "support", pair("layers.0.q_proj", VALUES, VALUES.T))
    for name, meant in (("adapters/suport", "adapters/support"), ("adaptrs", "adapters"), ("oone", "one")):
        done = run(command, name, cwd=folder, env={"HF_HUB_OFFLINE": "1", "HF_HOME": str(folder)})
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        said, _, hub = done.stderr.partition(f"did you mean {meant}")
        assert said.startswith(f"lora-cli: error: '{name}' is n") or said.endswith("does not exist; ")
        assert "Hub" not in said
        assert ("the Hub's cache" in hub) is ("/" in name)
    done = run(command, "org/name", cwd=folder, env={"HF_HUB_OFFLINE": "1", "HF_HOME": str(folder)})
    assert "'org/name' is not a path here, and the Hub's cache" in done.stderr


@pytest.mark.parametrize("name", ["nope", "nope.safetensors", "a/b/c", "nope/adapter_config.json"])
def test_inspect_says_first_that_a_path_does_not_exist(name: str, tmp_path: Path) -> None:
    """Whatever a file of that name would be, and though nothing there resembles it."""
    done = run("inspect", name, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"lora-cli: error: '{name}' does not exist; "
        "give the folder or the file of a trained adapter, or a name on the Hub, org/name\n"
    )


def test_a_config_that_is_broken_is_said_to_be_that(folder: Path) -> None:
    """It is not a sound one that lacks weights."""
    (folder / "config").mkdir()
    (folder / "config" / "adapter_config.json").write_text('{"peft_type": "LORA"')
    assert "is not JSON: " in run("check", "config", cwd=folder).stderr
