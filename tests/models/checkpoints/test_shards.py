"""Which files a checkpoint is, and what of a folder, an index and its shards is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from checkpoints import write, write_shards

from lora_cli.errors import InvalidInput
from lora_cli.models.checkpoints.shards import checkpoint_in, read_checkpoint

A, B = {"a": ("F32", (2,))}, {"b": ("BF16", (3, 2))}


def names(*paths: Path) -> list[str]:
    """Return the names of the tensors that files hold together."""
    return list(read_checkpoint([str(path) for path in paths]))


def index(folder: Path, **places: object) -> Path:
    """Write an index of tensors to files, and return its path."""
    path = folder / "model.safetensors.index.json"
    path.write_text(json.dumps({"weight_map": places}))
    return path


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """Write two shards and their index, and return the index."""
    return write_shards(tmp_path, A, B)


def test_an_index_gives_the_tensors_of_all_shards(shards: Path) -> None:
    """Each once, with the file that it is in."""
    stored = read_checkpoint([str(shards)])
    assert {name: (Path(t.path).name, t.shape) for name, t in stored.items()} == {
        "a": ("model-00001-of-00002.safetensors", (2,)),
        "b": ("model-00002-of-00002.safetensors", (3, 2)),
    }


def test_a_folder_is_read_as_transformers_reads_it(shards: Path) -> None:
    """model.safetensors comes first, then an index, then shards, then a single file. An adapter is not a checkpoint."""
    folder = shards.parent

    def found() -> list[str]:
        return [Path(path).name for path in checkpoint_in(str(folder))]

    numbered = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    write(folder / "adapter_model.safetensors", A)
    write(folder / "consolidated.safetensors", A)
    assert found() == [shards.name]
    write(folder / "model.safetensors", A)
    assert found() == ["model.safetensors"]
    (folder / "model.safetensors").unlink()
    shards.unlink()
    assert found() == numbered
    for name in numbered:
        (folder / name).unlink()
    assert found() == ["consolidated.safetensors"]
    (folder / "consolidated.safetensors").unlink()
    assert found() == []


def test_several_files_without_an_order_are_not_guessed_at(tmp_path: Path) -> None:
    """The sentence names them."""
    for name in ("one.safetensors", "two.safetensors"):
        write(tmp_path / name, A)
    with pytest.raises(InvalidInput, match=r"'one\.safetensors', 'two\.safetensors'.*name one"):
        checkpoint_in(str(tmp_path))


def test_shards_without_an_index_are_read_if_all_are_there(shards: Path) -> None:
    """One shard of two is not a model."""
    shards.unlink()
    paths = checkpoint_in(str(shards.parent))
    assert list(read_checkpoint(paths)) == ["a", "b"]
    with pytest.raises(InvalidInput, match="one of 2 shards"):
        read_checkpoint(paths[:1])


def test_one_shard_of_one_is_a_model(tmp_path: Path) -> None:
    """Some programs give the index another name."""
    write(tmp_path / "model-00001-of-00001.safetensors", A)
    assert names(tmp_path / "model-00001-of-00001.safetensors") == ["a"]


def test_a_missing_shard_is_named(shards: Path) -> None:
    """The message has the system's reason."""
    (shards.parent / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(InvalidInput, match=r"model-00002-of-00002\.safetensors'.*: No such file"):
        names(shards)


@pytest.mark.parametrize(
    "place",
    [
        "../other.safetensors",
        "../../etc/passwd",
        "sub/../../other.safetensors",
        "/etc/passwd",
        "model.safetensors.index.json",
        "config.json",
        "pytorch_model.bin",
        "",
        ".",
        "..",
        "a\0.safetensors",
        "\x1b[31m",
        "x" * 10**6,
    ],
)
def test_an_index_stays_in_its_folder(tmp_path: Path, place: str) -> None:
    """A shard is not outside, not the index itself, and is a safetensors file."""
    folder = tmp_path / "folder"
    folder.mkdir()
    write(tmp_path / "other.safetensors", A)
    with pytest.raises(
        InvalidInput, match=r"a shard must be a \.safetensors file in the folder of its index"
    ) as caught:
        names(index(folder, a=place))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500


def test_an_absolute_path_and_a_link_out_of_the_folder_are_refused(tmp_path: Path) -> None:
    """Even to a file that is a shard."""
    folder = tmp_path / "folder"
    folder.mkdir()
    write(tmp_path / "other.safetensors", A)
    (folder / "link.safetensors").symlink_to(tmp_path / "other.safetensors")
    (folder / "loop.safetensors").symlink_to("loop.safetensors")
    for place in (str(tmp_path / "other.safetensors"), "link.safetensors"):
        with pytest.raises(InvalidInput, match="folder of its index"):
            names(index(folder, a=place))
    with pytest.raises(InvalidInput, match="cannot read"):
        names(index(folder, a="loop.safetensors"))


def test_the_cache_of_the_hub_is_read_through_its_links(tmp_path: Path) -> None:
    """There every file of a revision is a link to the model's own blobs."""
    blobs, revision = tmp_path / "models--x" / "blobs", tmp_path / "models--x" / "snapshots" / "0a1b"
    blobs.mkdir(parents=True)
    revision.mkdir(parents=True)
    write(blobs / "f00", A)
    (revision / "model-00001-of-00001.safetensors").symlink_to(Path("..", "..", "blobs", "f00"))
    assert names(index(revision, a="model-00001-of-00001.safetensors")) == ["a"]
    write(tmp_path / "f00", A)
    (revision / "out.safetensors").symlink_to(tmp_path / "f00")
    with pytest.raises(InvalidInput, match="folder of its index"):
        names(index(revision, a="out.safetensors"))


def test_a_part_of_a_model_in_the_cache_is_read_through_its_links(tmp_path: Path) -> None:
    """A pipeline has its models in folders of a revision, whose links lead to the same blobs."""
    blobs, part = tmp_path / "models--x" / "blobs", tmp_path / "models--x" / "snapshots" / "0a1b" / "text_encoder_2"
    blobs.mkdir(parents=True)
    part.mkdir(parents=True)
    write(blobs / "f00", A)
    (part / "model-00001-of-00001.safetensors").symlink_to(Path("..", "..", "..", "blobs", "f00"))
    assert names(index(part, a="model-00001-of-00001.safetensors")) == ["a"]


@pytest.mark.parametrize(
    "content", ["{}", "[]", '{"weight_map": {}}', '{"weight_map": []}', '{"weight_map": {"a": 1}}', "x"]
)
def test_a_file_that_is_not_an_index_is_refused(tmp_path: Path, content: str) -> None:
    """In one sentence that names it."""
    (tmp_path / "model.safetensors.index.json").write_text(content)
    with pytest.raises(InvalidInput, match=r"model\.safetensors\.index\.json"):
        names(tmp_path / "model.safetensors.index.json")


def test_an_index_and_its_shards_must_agree(shards: Path) -> None:
    """A tensor that is not where it should be, and one that is there twice."""
    first, second = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
    for places in ({"a": first, "b": second, "c": second}, {"a": second, "b": first}):
        with pytest.raises(InvalidInput, match="but it is not"):
            names(index(shards.parent, **places))
    write(shards.parent / second, A | B)
    with pytest.raises(InvalidInput, match=r"'a' is in both .*00001-of.* and .*00002-of"):
        names(index(shards.parent, a=first, b=second))


def test_a_shard_that_is_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """A folder is not read either."""
    os.mkfifo(tmp_path / "pipe.safetensors")
    (tmp_path / "folder.safetensors").mkdir()
    for place in ("pipe.safetensors", "folder.safetensors"):
        with pytest.raises(InvalidInput, match="not a regular file"):
            names(index(tmp_path, a=place))


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="only Linux counts what a process reads")
def test_of_400_gb_only_the_headers_are_read(tmp_path: Path) -> None:
    """A process that reads 16 shards of 25 GB takes in less than 2 MB more than one that reads nothing."""
    layers = [
        {f"model.layers.{shard * 8 + n}.w.weight": ("BF16", (40_000, 40_000)) for n in range(8)} for shard in range(16)
    ]
    index = write_shards(tmp_path, *layers)
    assert sum(path.stat().st_size for path in tmp_path.glob("*.safetensors")) > 400 * 10**9

    def bytes_read(*paths: str) -> int:
        code = (
            "import sys\nfrom lora_cli.models.checkpoints.shards import read_checkpoint\n"
            "print(sum(len(read_checkpoint([path])) for path in sys.argv[1:]))\n"
            "print(open('/proc/self/io').read())"
        )
        lines = subprocess.run([sys.executable, "-c", code, *paths], capture_output=True, text=True, check=True).stdout
        assert lines.startswith(str(128 * len(paths)))
        return int(lines.partition("rchar: ")[2].split()[0])

    assert bytes_read(str(index)) - bytes_read() < 2_000_000
