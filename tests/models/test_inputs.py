"""Which files belong to a path that was named, and so are never replaced."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lora_cli.models.sources.inputs import is_input


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder with a model beside a report."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "base").mkdir()
    for name in ("config.json", "model.safetensors", "report.json"):
        (tmp_path / "base" / name).write_text("{}")
    return tmp_path


@pytest.mark.parametrize("source", ["base", "base/", "base/config.json", "base/model.safetensors", "./base"])
@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_folder_and_its_files_belong_together(here: Path, source: str, name: str) -> None:
    """A checkpoint is read with the config.json beside it."""
    assert is_input(f"base/{name}", source)
    assert is_input(str(here / "base" / name), source)
    assert not is_input("base/report.json", source)


@pytest.mark.usefixtures("here")
def test_a_file_is_an_input_of_itself() -> None:
    """Whatever its name is, and with a tensor behind it."""
    assert is_input("base/report.json", "base/report.json")
    assert is_input("base/report.json", "base/report.json:a.weight:0")


def test_a_link_is_the_file_behind_it(here: Path) -> None:
    """Symbolic or not."""
    (here / "soft").symlink_to("base/config.json")
    os.link(here / "base" / "config.json", here / "hard")
    assert is_input("soft", "base")
    assert is_input("hard", "base")


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("source", ["gpt2", "", ":", "a:b", "16", "x" * 5000, "a\0b", "missing/config.json"])
def test_a_text_that_is_not_a_path_has_no_input(source: str) -> None:
    """A preset, a number, or anything else."""
    assert not is_input("base/config.json", source)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("path", ["missing", "base", "", "a\0b"])
def test_only_a_file_can_be_an_input(path: str) -> None:
    """A new file replaces nothing."""
    assert not is_input(path, "base")
