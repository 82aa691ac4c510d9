"""Where an adapter is: a path that is missing and not formed as a Hub name is told apart from one that is."""

from __future__ import annotations

from pathlib import Path

import pytest

from lora_cli.errors import InvalidInput
from lora_cli.models.sources.adapter_source import adapter_config_file
from lora_cli.models.sources.read_model import read_model


@pytest.mark.parametrize("text", ["org/na me", "org/name@a..b", "org/" + "x" * 10_000])
def test_what_is_neither_a_path_nor_a_hub_name_is_refused(text: str) -> None:
    """The sentence says how a name is formed."""
    with pytest.raises(InvalidInput, match="is neither a path that exists nor a name on the Hub, which is org/name"):
        adapter_config_file(text)


@pytest.mark.parametrize("address", ["https://huggingface.co/org/name", "https://hf.co/org/name/tree/main"])
def test_an_address_is_answered_with_the_name_in_it(address: str) -> None:
    """Of a model or an adapter."""
    for read in (adapter_config_file, read_model):
        with pytest.raises(InvalidInput, match=r"nor a name on the Hub.*; did you mean org/name\?$"):
            read(address)


@pytest.mark.parametrize(
    ("address", "fix"),
    [
        ("hf.co/org/name/blob/v1/config.json", "did you mean org/name@v1?"),
        ("https://huggingface.co/org/name/tree/refs%2Fpr%2F3?x=1#y", "did you mean org/name@refs/pr/3?"),
        ("https://huggingface.co/org/name/discussions/3", "did you mean org/name?"),
        ("https://huggingface.co/org/name/tree/..", "did you mean org/name?"),
        ("https://huggingface.co/datasets/org/name", "give org/name, org/name@revision or a path"),
        ("https://huggingface.co/gpt2", "give org/name, org/name@revision or a path"),
        ("https://example.com/adapter_config.json", "give org/name, org/name@revision or a path"),
        ("s3://bucket/\0", "give org/name, org/name@revision or a path"),
    ],
)
def test_an_address_has_a_revision_or_no_name(address: str, fix: str) -> None:
    """Only a page of a model or an adapter on the Hub has a name."""
    with pytest.raises(InvalidInput) as caught:
        adapter_config_file(address)
    assert str(caught.value).endswith(f"is an address, neither a path that exists nor a name on the Hub; {fix}")


def test_a_folder_that_looks_like_an_address_is_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clone may lie in a folder of its host."""
    (tmp_path / "hf.co" / "org" / "name").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert adapter_config_file("hf.co/org/name").path == "hf.co/org/name/adapter_config.json"


def test_weights_are_not_a_configuration() -> None:
    """Whatever program wrote them."""
    with pytest.raises(InvalidInput, match=r"is a safetensors file, .* give the adapter_config.json .*, or its folder"):
        adapter_config_file("kohya.safetensors")


@pytest.mark.parametrize("text", ["missing", "missing/adapter_config.json", "a/b/c", "./missing", "/nowhere"])
def test_what_can_only_be_a_path_is_left_to_whoever_reads_it(text: str) -> None:
    """The error of the system says what is wrong with it."""
    assert adapter_config_file(text).path == text
