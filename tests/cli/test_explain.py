"""`lora-cli explain` from a shell: logs from standard input, formats, and lines that are not counts."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from program import run

from lora_cli import count
from lora_cli.analysis.explain.log_reading import MOST_CHARACTERS
from lora_cli.cli.commands.explain import count_command

LINE = "trainable params: 294,912 || all params: 124,734,720 || trainable%: 0.2364"
BELIEVED = ("-m", "gpt2", "-t", "c_attn", "-r", "16")


def test_a_log_comes_from_standard_input() -> None:
    """Its line is found among the others."""
    log = f"loading\n{LINE}\n{{'loss': 2.3}}\n" + "step\n" * 1000
    done = run("explain", "-", *BELIEVED, "--field", "cause", input=log)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0] == "r is 8, PEFT's default, not 16"


def test_json_has_the_log_and_the_alternatives() -> None:
    """What was printed, and the further configurations of each match."""
    shown = json.loads(run("explain", LINE, *BELIEVED, "--json").stdout)
    assert shown["log"] == {
        "line": LINE,
        "format": "peft",
        "trainable_params": 294912,
        "all_params": 124734720,
    }
    first, layers = shown["results"]
    assert json.loads(first["config"])["r"] == 8
    (other,) = [each for each in shown["alternatives"] if each["match"] == 1]
    assert layers["alternative_count"] == 1
    assert json.loads(other["config"]).keys() == json.loads(layers["config"]).keys()


def test_people_are_told_of_changes_and_alternatives_where_there_are_any() -> None:
    """The number of changes is left out where nothing is changed, and what lists the alternatives is named."""
    unbelieved = run("explain", "trainable params: 6,815,744 || all params: 8,037,076,992", "--format", "table").stdout
    assert "1 more of this kind makes the same count; --json lists them" in unbelieved
    assert "changes" not in unbelieved
    believed = run("explain", LINE, *BELIEVED, "--format", "table").stdout
    assert "changes" in believed


def test_nothing_that_matches_is_no_error() -> None:
    """A note says so once; standard output has at most one line, the header or the title."""
    text = LINE.replace("294,912", "294,913")
    for form, shown in (("plain", 0), ("ndjson", 0), ("csv", 1), ("table", 1)):
        done = run("explain", text, *BELIEVED, "--format", form)
        assert (done.returncode, len(done.stdout.splitlines())) == (0, shown)
        assert "no configuration" not in done.stdout
        assert done.stderr.count("no configuration") == 1
    done = run("explain", text, *BELIEVED, "--field", "cause")
    assert (done.returncode, done.stdout) == (0, "")
    assert "note: no configuration with up to 3 changes makes exactly 294,913 trained of 124,734,720" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "explain needs a TEXT"),
        (("",), "TEXT is empty"),
        (("x",), "TEXT: 'x' has no line"),
        (("\x1b[31mloss: 5",), "has no line"),
        (("trainable params: -1 || all params: 2",), "'-1' is not a count"),
        (("Number of trainable parameters = 5",), "--model is missing"),
        (
            ("Trainable parameters = 24,313,856/3,000,000,000 (0.81% trained)",),
            "--model is missing, and the line says only a rounded size, not how many parameters there are in all",
        ),
        ((LINE, "--model", "gtp2"), "did you mean gpt2"),
        ((LINE, "--model", "gpt2", "-r", "8", "-r", "9"), "-r/--rank is given twice"),
        ((LINE, "--model", "gpt2", "-t", ""), "has an empty name"),
        ((LINE, "--model", "gpt2", "-r", "9" * 5000), "is out of range"),
        (("-", "--adapter", "-"), "standard input can be read only once"),
        (("-",), "is empty"),
    ],
)
def test_bad_input_is_one_line(arguments: tuple[str, ...], said: str) -> None:
    """It names the value and the fix, and the exit code is 2."""
    done = run("explain", *arguments, input="")
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "\x1b" not in done.stderr


def test_a_log_comes_from_a_file(tmp_path: Path) -> None:
    """As it does from standard input; a folder's name is a text like any other."""
    log = tmp_path / "my train.log"
    log.write_bytes(f"loading \x80\n{LINE}\n".encode("latin-1"))
    done = run("explain", str(log), *BELIEVED, "--json")
    assert (done.returncode, json.loads(done.stdout)["log"]["line"]) == (0, LINE)
    (tmp_path / "294912").mkdir()
    assert run("explain", "294912", *BELIEVED, cwd=tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "TEXT is empty"),
        (b"loss: 5", "TEXT: 'loss: 5' has no line"),
        (LINE.encode("utf-16"), "'train.log' is not text: it has NUL bytes; give a text in UTF-8"),
        (b" " * (MOST_CHARACTERS + 1), f"'train.log' has more than {MOST_CHARACTERS:,} bytes"),
    ],
    ids=["empty", "nothing", "UTF-16", "large"],
)
def test_a_file_without_a_count_is_one_line(content: bytes, said: str, tmp_path: Path) -> None:
    """It says what the file has instead."""
    (tmp_path / "train.log").write_bytes(content)
    done = run("explain", "train.log", *BELIEVED, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_command_of_a_match_counts_it() -> None:
    """Typed as it is shown, it gives the same figures."""
    fields = {"peft_type": "LORA", "target_modules": ["c_attn"], "r": 4, "modules_to_save": ["lm_head"], "bias": "all"}
    program, *words = shlex.split(count_command("gpt2", fields))
    done = run(*words, "--field", "trainable_params")
    wanted = count(
        model="gpt2", target=["c_attn"], r=4, settings={"modules_to_save": ["lm_head"], "bias": "all"}
    ).trainable_params
    assert (program, done.stdout) == ("lora-cli", f"{wanted}\n")
