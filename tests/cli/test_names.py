"""Names of files, models and fields: those of any script survive, and nothing in them reaches a terminal as a command."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from printing import has_controls
from program import run
from small_models import GPT2

from lora_cli.output.registry import formats_of

# Chinese, an accent, an emoji of several characters, and Persian with the joiner that its words need.
NAMES = ["模型", "modèle é", "👩\u200d🔬", "می\u200cخواهم", "\U00020000"]
HOSTILE = "a\x1b[31m\x9b\u202e\u2028b"


def small_model(folder: Path, name: str) -> str:
    """Write a model's folder of that name, and return its path."""
    model = folder / name
    model.mkdir()
    (model / "config.json").write_text(json.dumps(GPT2), encoding="utf-8")
    return str(model)


def strings(name: str, text: str) -> str:
    """Return what a reader of a format sees."""
    if name in {"json", "ndjson"}:
        documents = [text] if name == "json" else text.splitlines()
        return json.dumps([json.loads(document) for document in documents], ensure_ascii=False)
    if name == "csv":
        return "\n".join(cell for row in csv.reader(io.StringIO(text)) for cell in row)
    if name == "junit":
        root = ET.fromstring(text)  # noqa: S314 - it is the program's own
        return "\n".join(value for node in root.iter() for value in (*node.attrib.values(), node.text or ""))
    return text


@pytest.mark.parametrize("name", formats_of(judged=True))
@pytest.mark.parametrize("word", NAMES)
def test_a_name_of_any_script_survives(tmp_path: Path, name: str, word: str) -> None:
    """In every format, in the sentence on stderr and in an annotation."""
    path = small_model(tmp_path, word)
    done = run("check", path, "-r", "2", "--max-params", "1", "--format", name, "-o", str(tmp_path / "out"))
    assert done.returncode == 1
    assert word in done.stderr
    assert word in strings(name, (tmp_path / "out").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", formats_of(judged=True))
def test_a_hostile_name_is_escaped(tmp_path: Path, name: str) -> None:
    """A control character, and a mark that would turn the line round, are spelt out."""
    path = small_model(tmp_path, HOSTILE)
    done = run("check", path, "-r", "2", "--max-params", "1", "--format", name)
    assert done.returncode == 1
    assert not has_controls((done.stdout + done.stderr).replace("\n", ""))
    # The log of GitHub has the failure once, as an annotation.
    said = done.stdout if name == "github" else done.stderr
    assert "\\x1b[31m\\x9b\\u202e\\u2028b" in said


def test_what_the_locale_cannot_carry_is_escaped(tmp_path: Path) -> None:
    """An ASCII locale gets ASCII on both streams."""
    env = {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    small_model(tmp_path, "é")
    done = run("check", "é", "-r", "2", "--max-params", "1", "--format", "csv", cwd=tmp_path, env=env)
    assert done.returncode == 1
    assert (done.stdout + done.stderr).isascii()


def test_a_name_that_is_not_unicode_is_escaped(tmp_path: Path) -> None:
    """A file name of any bytes is shown."""
    folder = small_model(tmp_path, "a")
    shutil.move(folder, os.fsencode(tmp_path / "a") + b"\xff")
    done = run("check", os.fsencode(tmp_path / "a") + b"\xff", "-r", "2", "--max-params", "1", "--format", "plain")  # type: ignore[arg-type]
    assert done.returncode == 1
    assert "a\\udcff" in done.stdout


def test_wide_characters_stand_in_columns(tmp_path: Path) -> None:
    """A Chinese character takes two columns of a terminal."""
    paths = [small_model(tmp_path, name) for name in ("模型", "abcd")]
    done = run("check", *(os.path.basename(path) for path in paths), "-r", "2", "--max-params", "1", cwd=tmp_path)
    first, second = (line.partition("max-params")[0] for line in done.stdout.splitlines()[1:])
    assert (len(first), len(second)) == (len(second) - 2, len(first) + 2)


WORD = "a" * 100_000


@pytest.mark.parametrize(
    "arguments",
    [
        ("count", WORD),
        ("count", f"--{WORD}"),
        (WORD,),
        ("count", "--format", WORD, "-d", "8", "-h", "8", "-r", "2"),
        ("count", "-d", WORD),
        ("count", "--model", WORD),
        ("count", "--model", "gpt2", "--target", WORD),
        ("count", "--model", "gpt2", "--set", f"{WORD}=1"),
        ("count", "-d", "8", "-h", "8", "-r", "2", "-r", WORD),
        ("check", WORD),
        ("check", "-d", "8", "-h", "8", "-r", "2", "--lock", WORD),
        ("methods", WORD),
    ],
)
def test_a_long_word_is_quoted_short(arguments: tuple[str, ...]) -> None:
    """One short line, whoever finds that it is wrong."""
    done = run(*arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert len(done.stderr) < 500
