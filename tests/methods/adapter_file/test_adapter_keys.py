"""The keys by which a method's tensors are known in a file, whatever model the adapter was trained on."""

from __future__ import annotations

from typing import Any

import pytest

from lora_cli.methods.adapter_file.adapter_keys import tensors_beside_a_module
from lora_cli.methods.adapter_file.trained_adapter import TrainedAdapter
from lora_cli.methods.config.reading import read_adapter_config
from lora_cli.models.config import Config


def keys(peft_type: str, **own: Any) -> set[str]:
    """Return the ends of the keys that a config's method adds beside a module."""
    fields = {"peft_type": peft_type, "target_modules": ["q_proj"], **own}
    config, unknown = read_adapter_config(Config(fields))
    return set(tensors_beside_a_module(TrainedAdapter("a", "a", fields, config, tuple(unknown))))


FACTORS = {"lora_A.weight", "lora_B.weight", "lora_embedding_A", "lora_embedding_B"}


@pytest.mark.parametrize(
    ("fields", "more"),
    [
        ({}, set()),
        ({"use_dora": True}, {"lora_magnitude_vector"}),
        ({"r": 7, "use_bdlora": {"target_modules_bd_a": ["q_proj"], "nblocks": 2}}, set()),
        ({"layers_to_transform": [3], "exclude_modules": ["W"], "trainable_token_indices": [1]}, set()),
    ],
    ids=["plain", "dora", "blocks", "fields that choose modules"],
)
def test_lora_has_a_and_b_of_each_kind(fields: dict[str, Any], more: set[str]) -> None:
    """The fields that choose among modules do not matter, and blocks change no key."""
    assert keys("LORA", **fields) == FACTORS | more


def test_every_kind_of_module_that_a_method_adapts_is_known() -> None:
    """HiRA names the factors of an embedding differently from those of a Linear."""
    assert {"hira_A", "hira_embedding_A"} <= keys("HIRA")


@pytest.mark.parametrize("peft_type", ["LN_TUNING", "PREFIX_TUNING"])
def test_nothing_is_known_where_the_module_decides_or_none_is_adapted(peft_type: str) -> None:
    """A norm's copy has the names of its parameters, and a prompt is beside the model."""
    assert keys(peft_type, **({"num_virtual_tokens": 3} if peft_type == "PREFIX_TUNING" else {})) == set()
