"""Headers of safetensors files: what the library reads is read, what it refuses is refused, and all of it at once."""

from __future__ import annotations

import json
import os
import random
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from checkpoints import entries, write, write_header
from endings import ends
from safetensors import SafetensorError, safe_open

from lora_cli.dtypes import BY_NAME
from lora_cli.errors import InvalidInput
from lora_cli.models.checkpoints.safetensors_header import read_header

F32 = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}


def refusal(path: Path) -> str:
    """Return the one line that refuses the file, at once."""
    with ends(), pytest.raises(InvalidInput) as caught:
        read_header(str(path))
    line = str(caught.value)
    assert line.isprintable()
    assert len(line) < 700
    return line


def theirs(path: Path) -> dict[str, tuple[str, tuple[int, ...]]] | None:
    """Return what the safetensors library reads, or None where it refuses."""
    try:
        with safe_open(path, "np") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 - it is no dict
            return {name: (part.get_dtype(), tuple(part.get_shape())) for name, part in slices.items()}
    except SafetensorError:
        return None


def ours(path: Path) -> dict[str, tuple[str, tuple[int, ...]]] | None:
    """Return what is read here, or None where it is refused."""
    try:
        return {name: (tensor.dtype, tensor.shape) for name, tensor in read_header(str(path)).items()}
    except InvalidInput:
        return None


def test_types_shapes_and_places_are_read(tmp_path: Path) -> None:
    """A matrix, a number and an empty tensor, with the metadata that PEFT and transformers write."""
    path = tmp_path / "a.safetensors"
    header = entries({"a": ("BF16", (2, 3)), "b": ("F32", ()), "c": ("I64", (0, 5))})
    write_header(path, {"__metadata__": {"format": "pt"}, **header}, 16)
    found = read_header(str(path))
    assert {name: (t.dtype, t.shape, t.values) for name, t in found.items()} == {
        "a": ("BF16", (2, 3), 6),
        "b": ("F32", (), 1),
        "c": ("I64", (0, 5), 0),
    }
    assert [t.end - t.start for t in found.values()] == [12, 4, 0]


def test_a_tensor_can_be_read(tmp_path: Path) -> None:
    """A tensor has its own bytes and no others."""
    write(tmp_path / "a.safetensors", {"a": ("U8", (3,)), "b": ("U8", (2,))}, {"a": b"abc", "b": b"de"})
    assert [t.read() for t in read_header(str(tmp_path / "a.safetensors")).values()] == [b"abc", b"de"]


@pytest.mark.parametrize("dtype", BY_NAME)
def test_every_type_takes_the_bytes_that_the_library_gives_it(tmp_path: Path, dtype: str) -> None:
    """Four values of it, and a byte too many is refused by both."""
    path = tmp_path / "a.safetensors"
    write(path, {"a": (dtype, (4,))})
    assert ours(path) == theirs(path) == {"a": (dtype, (4,))}
    header = {"a": {"dtype": dtype, "shape": [4], "data_offsets": [0, 4 * BY_NAME[dtype].bits // 8 + 1]}}
    write_header(path, header)
    assert ours(path) is theirs(path) is None


def mutated(source: random.Random) -> tuple[bytes, int]:
    """Return a header with a few things wrong or right with it, and the bytes behind it."""
    tensors = {
        f"t{number}": (
            source.choice(["F32", "BF16", "U8", "I64"]),
            [source.randrange(4) for _ in range(source.randrange(3))],
        )
        for number in range(source.randrange(4))
    }
    header: dict[str, Any] = entries(tensors)
    size = max((entry["data_offsets"][1] for entry in header.values()), default=0)
    values = [-1, 0, 1, 3, 2**31, 2**64, 1.0, "1", None, True, [], {}]
    for entry in header.values():
        if source.random() < 0.15:
            entry[source.choice(["dtype", "shape", "data_offsets"])] = deepcopy(
                source.choice([*values, "F32", [1], [0, 4], [4, 0], [0]])
            )
        if source.random() < 0.1 and isinstance(entry["shape"], list):
            entry["shape"].append(source.choice(values))
        if source.random() < 0.05:
            del entry[source.choice(["dtype", "shape", "data_offsets"])]
    if source.random() < 0.3:
        header["__metadata__"] = source.choice([{"format": "pt"}, {}, {"a": 1}, None, [], "x", {"a": None}])
    if source.random() < 0.1:
        header["extra"] = source.choice(values)
    text = json.dumps(header).encode() + b" " * source.randrange(8)
    if source.random() < 0.1:
        text = text[: source.randrange(len(text))]
    return text, max(0, size + source.choice([0, 0, 0, 0, 1, -1, 8]))


def test_drawn_headers_are_read_and_refused_as_the_library_does(tmp_path: Path) -> None:
    """A few thousand of them; both verdicts are among them."""
    seed = random.SystemRandom().randrange(2**32)
    source, path, verdicts = random.Random(seed), tmp_path / "a.safetensors", set()
    for turn in range(3000):
        header, size = mutated(source)
        write_header(path, header, size)
        assert ours(path) == theirs(path), f"seed {seed}, turn {turn}: {header!r} {size}"
        verdicts.add(ours(path) is None)
    assert verdicts == {True, False}


@pytest.mark.parametrize(
    ("header", "size", "reason"),
    [
        ({"a": F32, "b": {**F32, "data_offsets": [2, 6]}}, 6, "'b' starts at byte 2 instead of 4"),
        ({"a": F32, "b": {**F32, "data_offsets": [8, 12]}}, 12, "'b' starts at byte 8 instead of 4"),
        ({"a": {**F32, "shape": [-1]}}, 4, "not whole numbers from 0"),
        ({"a": {**F32, "shape": [2**64]}}, 4, "not whole numbers from 0"),
        ({"a": {**F32, "shape": [2**62, 2**62]}}, 4, "does not take 4 bytes"),
        ({"a": {**F32, "shape": [1] * 65}}, 4, "65 dimensions"),
        ({"a": {**F32, "shape": [True]}}, 4, "not whole numbers from 0"),
        ({"a": {**F32, "dtype": "Q7"}}, 4, "dtype 'Q7'; it must be one of BOOL"),
        ({"a": {**F32, "dtype": ["F32"]}}, 4, "dtype"),
        ({"a": 1}, 4, "does not have dtype, shape and two data_offsets"),
        ({"a": {**F32, "data_offsets": [0, 4, 8]}}, 4, "does not have dtype, shape and two data_offsets"),
        ({"a": F32}, 2, "its tensors take 4 bytes, and the file has 2"),
        ({"a": F32}, 8, "its tensors take 4 bytes, and the file has 8"),
        (b'{"a":1,"a":1}', 0, "'a' twice"),
        (b'{"a":{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}}', 4, "'shape' twice"),
        (b"[1]", 0, "not a JSON object"),
        (b"{", 0, "not JSON"),
        (b"\xff", 0, "UTF-8"),
        (b"[" * 100_000, 0, "nested too deeply"),
        (b'{"a": ' + b"9" * 5000 + b"}", 0, "not JSON"),
        (b'{"__metadata__":{%s"x":"","x":""}}' % b"".join(b'"%d":"",' % n for n in range(60_000)), 0, "'x' twice"),
        ({"__metadata__": [], "a": F32}, 4, "metadata"),
        ({"\x1b[31m" + "x" * 10**6: 1}, 0, "does not have dtype"),
    ],
)
def test_a_broken_header_is_refused_in_words(tmp_path: Path, header: Any, size: int, reason: str) -> None:
    """What is wrong, where, and what to do."""
    write_header(tmp_path / "a.safetensors", header, size)
    line = refusal(tmp_path / "a.safetensors")
    assert reason in line
    assert "a.safetensors' is not a complete safetensors file: " in line
    assert line.endswith("; download or save it again")


@pytest.mark.parametrize("content", [b"", b"abc", (2**63).to_bytes(8, "little") + b"{}", b"\xff" * 100])
def test_a_length_past_the_file_or_100_mb_allocates_nothing(tmp_path: Path, content: bytes) -> None:
    """A file that is shorter than its length field is refused."""
    (tmp_path / "a.safetensors").write_bytes(content)
    refusal(tmp_path / "a.safetensors")


def test_a_file_cut_short_in_its_header_is_refused(tmp_path: Path) -> None:
    """An interrupted download leaves such a file."""
    write_header(tmp_path / "a.safetensors", {"a": F32})
    content = (tmp_path / "a.safetensors").read_bytes()
    (tmp_path / "a.safetensors").write_bytes(content[:40])
    assert "its header ends at byte" in refusal(tmp_path / "a.safetensors")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """A folder and a device are not read either."""
    os.mkfifo(tmp_path / "a.safetensors")
    (tmp_path / "b.safetensors").mkdir()
    for path in (tmp_path / "a.safetensors", tmp_path / "b.safetensors", Path("/dev/zero")):
        assert "not a regular file" in refusal(path)
