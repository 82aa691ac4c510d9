"""Where an adapter is: a path that is missing and not formed as a Hub name is told apart from one that is."""

from __future__ import annotations

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


def test_weights_are_not_a_configuration() -> None:
    """Whatever program wrote them."""
    with pytest.raises(InvalidInput, match=r"is a safetensors file, .* give the adapter_config.json .*, or its folder"):
        adapter_config_file("kohya.safetensors")


@pytest.mark.parametrize("text", ["missing", "missing/adapter_config.json", "a/b/c", "./missing", "/nowhere"])
def test_what_can_only_be_a_path_is_left_to_whoever_reads_it(text: str) -> None:
    """The error of the system says what is wrong with it."""
    assert adapter_config_file(text).path == text
