"""What `--model` names: a path that exists, else a preset; and nothing is ever unpickled."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest

from lora_cli.errors import InvalidInput
from lora_cli.models.source import read_model

SMALL = {
    "model_type": "llama",
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "vocab_size": 100,
}
SMALL_PARAMS = 2 * 100 * 64 + 64 + 2 * (4 * 64 * 64 + 3 * 64 * 128 + 2 * 64)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make an empty folder the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: Path) -> None:
    """Write the small model's config.json."""
    path.write_text(json.dumps(SMALL))


def test_a_file_is_read(here: Path) -> None:
    """The model is called what it was asked for as."""
    write(here / "config.json")
    model = read_model("config.json")
    assert (model.name, model.model_type, model.full_params) == ("config.json", "llama", SMALL_PARAMS)


def test_a_file_may_have_any_name(here: Path) -> None:
    """Its content decides."""
    write(here / "my model")
    assert read_model("my model").full_params == SMALL_PARAMS


def test_a_folder_is_its_config(here: Path) -> None:
    """With or without a slash at its end."""
    (here / "folder").mkdir()
    write(here / "folder" / "config.json")
    assert read_model("folder").full_params == read_model("folder/").full_params == SMALL_PARAMS


def test_a_folder_without_a_config_is_refused(here: Path) -> None:
    """The sentence names the file that is missing."""
    (here / "folder").mkdir()
    with pytest.raises(InvalidInput, match=r"folder/config\.json'.*No such file"):
        read_model("folder")


def test_a_folder_whose_config_is_a_folder_is_refused(here: Path) -> None:
    """It is no regular file."""
    (here / "folder" / "config.json").mkdir(parents=True)
    with pytest.raises(InvalidInput, match="no regular file"):
        read_model("folder")


def test_a_preset_is_read_where_no_path_is(here: Path) -> None:
    """The published total."""
    assert not list(here.iterdir())
    assert read_model("gpt2").full_params == 124_439_808


def test_a_path_wins_over_a_presets_name(here: Path) -> None:
    """As a file and as a folder."""
    write(here / "gpt2")
    assert read_model("gpt2").full_params == SMALL_PARAMS
    (here / "gpt2").unlink()
    (here / "gpt2").mkdir()
    write(here / "gpt2" / "config.json")
    assert read_model("gpt2").full_params == SMALL_PARAMS


def test_a_path_that_exists_and_is_broken_is_no_preset(here: Path) -> None:
    """The wrong model must not be answered in silence: a broken link and an empty folder are errors."""
    (here / "gpt2").symlink_to("nowhere")
    (here / "bert-base").mkdir()
    for name in ("gpt2", "bert-base"):
        with pytest.raises(InvalidInput, match="No such file"):
            read_model(name)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.pth", "last.ckpt", "no/such.pt"])
def test_what_would_be_unpickled_is_refused_with_the_reason(here: Path, name: str) -> None:
    """Whether it exists or not, nothing in it runs."""

    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (str(here / "sprung"),)

    if "/" not in name:
        (here / name).write_bytes(pickle.dumps(Trap()))
    with pytest.raises(InvalidInput, match=r"unpickled.*config\.json"):
        read_model(name)
    assert not (here / "sprung").exists()


@pytest.mark.parametrize("name", ["model.safetensors", "model.safetensors.index.json", "model.gguf"])
def test_a_checkpoint_is_no_config(here: Path, name: str) -> None:
    """Until checkpoints are read, the config.json beside it is offered."""
    (here / name).write_bytes(b"{}")
    with pytest.raises(InvalidInput, match=r"checkpoint.*config\.json"):
        read_model(name)


@pytest.mark.parametrize("name", ["", "\0", "a\0b", "\udcff", "x" * 5000, "\x1b[31m", "a\nb"])
def test_what_is_neither_is_refused(name: str) -> None:
    """In one short printable line."""
    with pytest.raises(InvalidInput) as caught:
        read_model(name)
    sentence = str(caught.value)
    assert sentence.isascii()
    assert sentence.isprintable()
    assert len(sentence) < 300


def test_a_config_of_another_program_is_refused(here: Path) -> None:
    """It says that the model_type is missing, and where."""
    (here / "package.json").write_text('{"name": "x", "version": "1.0.0"}')
    with pytest.raises(InvalidInput, match=r"^'package\.json': model_type"):
        read_model("package.json")
