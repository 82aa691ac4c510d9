"""Files that are not what they should be: one clear sentence each, at once and with little memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from endings import ends

from lora_cli.errors import InvalidInput
from lora_cli.models.config import Config
from lora_cli.models.files import MAX_JSON_BYTES, names_in, read_object

BOM = b"\xef\xbb\xbf"


def refusal(path: Path | str) -> str:
    """Return the sentence that refuses the file: one line, short, printable, naming the file, and at once."""
    with ends(), pytest.raises(InvalidInput) as caught:
        read_object(str(path))
    sentence = str(caught.value)
    assert sentence.isprintable()
    assert len(sentence) < 300
    assert ascii(str(path)[:40])[1:-1] in sentence
    return sentence


@pytest.mark.parametrize("start", [b"", BOM])
def test_an_object_is_read(tmp_path: Path, start: bytes) -> None:
    """Also behind the mark that Windows editors write."""
    (tmp_path / "config.json").write_bytes(start + '{"a": 1, "b": "ü"}'.encode())
    assert read_object(str(tmp_path / "config.json")) == {"a": 1, "b": "ü"}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not JSON"),
        (b"   \n", "not JSON"),
        (b"hello", "not JSON"),
        (b'{"a": 1,}', "not JSON"),
        (b'{"a": 1} {"b": 2}', "not JSON"),
        (b"{'a': 1}", "not JSON"),
        (b'{"a": "\x1b[31m"}', "not JSON"),
        (b'{"a": \x00}', "not JSON"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "UTF-8"),
        (b"\xff\xfe{\x00}\x00", "UTF-8"),
        (b'{"a": "\xc3"}', "UTF-8"),
        (BOM + BOM + b"{}", "not JSON"),
        (b'{"hidden_size": ' + b"9" * 5000 + b"}", "not JSON"),
        (b"[" * 100_000 + b"]" * 100_000, "too deeply"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "too deeply"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "JSON object"),
        (b'"config"', "JSON object"),
        (b"null", "JSON object"),
        (b"64", "JSON object"),
        (b"NaN", "JSON object"),
        (b"-Infinity", "JSON object"),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_what_is_no_json_object_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    """The sentence says what is wrong with it."""
    path = tmp_path / "c.json"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=reason):
        read_object(str(path))
    refusal(path)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e999"])
def test_a_size_that_is_no_number_is_refused(tmp_path: Path, value: str) -> None:
    """Python's JSON accepts such numbers, but they are not sizes."""
    path = tmp_path / "config.json"
    path.write_text(f'{{"hidden_size": {value}}}')
    with pytest.raises(InvalidInput, match=r"hidden_size is (nan|inf)"):
        Config(read_object(str(path))).size("hidden_size", default=1)


def test_a_repeated_field_is_what_it_was_last(tmp_path: Path) -> None:
    """The reader of transformers does the same."""
    (tmp_path / "config.json").write_text('{"a": 1, "a": 2}')
    assert read_object(str(tmp_path / "config.json")) == {"a": 2}


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """The message has the system's reason."""
    assert "No such file" in refusal(tmp_path / "none.json")


@pytest.mark.parametrize("name", ["", "\0", "a\0b", "x" * 5000, "\udcff", "no\nsuch", "\x1b[31m"])
def test_what_is_no_path_is_refused(name: str) -> None:
    """However hostile, the sentence stays one printable line."""
    assert "cannot read" in refusal(name)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """It is refused before it is opened."""
    assert "not a regular file" in refusal(tmp_path)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """Opening a FIFO that nobody writes to would hang for ever."""
    os.mkfifo(tmp_path / "fifo")
    assert "not a regular file" in refusal(tmp_path / "fifo")


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null"])
def test_a_device_is_not_read(device: str) -> None:
    """/dev/zero never ends."""
    assert "not a regular file" in refusal(device)


def test_a_link_that_leads_nowhere_or_in_a_circle_is_refused(tmp_path: Path) -> None:
    """The message has the system's reason."""
    (tmp_path / "a").symlink_to(tmp_path / "b")
    assert "No such file" in refusal(tmp_path / "a")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert "symbolic links" in refusal(tmp_path / "a")


def test_a_gigabyte_is_refused_unread(tmp_path: Path) -> None:
    """Its size shows that it is not a config, so it is not read."""
    path = tmp_path / "config.json"
    with path.open("wb") as file:
        file.truncate(10**9)
    assert "1000000000 bytes" in refusal(path)
    program = (
        "import resource, sys\n"
        "from lora_cli.models.files import read_object\n"
        "resource.setrlimit(resource.RLIMIT_AS, (300 * 2**20, 300 * 2**20))\n"
        "try:\n    read_object(sys.argv[1])\n"
        "except ValueError:\n    sys.exit(7)\n"
    )
    assert subprocess.run([sys.executable, "-c", program, str(path)], check=False, timeout=20).returncode == 7


def test_one_byte_over_the_limit_is_refused(tmp_path: Path) -> None:
    """The limit is named."""
    path = tmp_path / "config.json"
    with path.open("wb") as file:
        file.truncate(MAX_JSON_BYTES + 1)
    assert str(MAX_JSON_BYTES) in refusal(path)


def test_a_folder_that_cannot_be_listed_is_refused(tmp_path: Path) -> None:
    """The message has the reason, as for a file."""
    (tmp_path / "b").touch()
    (tmp_path / "a").touch()
    assert names_in(str(tmp_path)) == ["a", "b"]
    with pytest.raises(InvalidInput, match=r"cannot read .*: Not a directory"):
        names_in(str(tmp_path / "a"))


@pytest.mark.parametrize(("written", "number"), [("Infinity", float("inf")), ("-Infinity", float("-inf"))])
def test_an_infinite_number_is_read_as_transformers_writes_it(written: str, number: float, tmp_path: Path) -> None:
    """As an object, at any depth; any other object stays one."""
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"limit": [0.0, {"__float__": written}], "rest": {"__float__": "many", "b": {}}}))
    assert read_object(str(path)) == {"limit": [0.0, number], "rest": {"__float__": "many", "b": {}}}
