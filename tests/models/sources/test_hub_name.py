"""Which texts are names on the Hub."""

from __future__ import annotations

import pytest

from lora_cli.errors import InvalidInput
from lora_cli.models.sources.hub_name import HubName, hub_name
from lora_cli.models.sources.read_model import read_model


@pytest.mark.parametrize("text", ["Qwen/Qwen3-8B", "a/b", "_x/y_", "01-ai/Yi-1.5-9B", "org/name.v2"])
def test_an_organisation_and_a_name_are_a_hub_name(text: str) -> None:
    """As huggingface_hub takes them."""
    assert hub_name(text) == HubName(text)
    assert str(hub_name(text)) == text


@pytest.mark.parametrize("revision", ["main", "v1.0", "refs/pr/3", "0" * 40, "feature_x"])
def test_a_revision_follows_the_name(revision: str) -> None:
    """A branch, a tag or a commit."""
    assert hub_name(f"org/name@{revision}") == HubName("org/name", revision)


HOSTILE = [
    "../name",
    "org/..",
    "org/na..me",
    "org/na--me",
    "org/name.git",
    "org/na me",
    " org/name",
    "org/name\n",
    "org/na\x1b[31mme",
    "org/na\x00me",
    "org/a/b/c",
    "org/name/",
    "/org/name",
    "org//name",
    "./name",
    "org/-name",
    "org/name@",
    "org/name@../../x",
    "org/name@a b",
    "org/name@" + "x" * 1000,
    "org/" + "x" * 10_000,
    "örg/name",
    "org/name?x=1",
    "org/name#x",
    "https://huggingface.co/org/name",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_other_texts_are_not(text: str) -> None:
    """One line says what a name looks like, however long or hostile the text is."""
    assert hub_name(text) is None
    with pytest.raises(InvalidInput) as caught:
        read_model(text)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400
