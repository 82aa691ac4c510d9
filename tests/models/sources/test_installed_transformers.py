"""What is looked at before transformers builds a model: how long that would take."""

from __future__ import annotations

from typing import Any

import pytest

from lora_cli.errors import InvalidInput
from lora_cli.models.config import Config
from lora_cli.models.sources.installed_transformers import _check_numbers


@pytest.mark.parametrize("depth", [0, 1, 5000])
def test_too_many_layers_are_found_however_deep_they_stand(depth: int) -> None:
    """In objects and lists of objects, without a frame for each of them."""
    fields: dict[str, Any] = {"n_layer": 10_001}
    for _ in range(depth):
        fields = {"inner": [fields]}
    with pytest.raises(InvalidInput, match="n_layer' is 10001; it must be at most 10000"):
        _check_numbers(Config(fields))


def test_what_is_no_number_of_layers_is_left_to_transformers() -> None:
    """Lists of layers, flags, and numbers of other things."""
    _check_numbers(Config({"layer_types": ["full"] * 3, "layer_norm": True, "vocab_size": 10**6, "n_layer": 10_000}))


@pytest.mark.parametrize(
    "fields",
    [
        {"num_labels": 50_000_000},
        {"vision_config": {"depth": 10_000_000}},
        {"num_experts": 1_000_000},
        {"depths": [2, 2, 1_000_000, 2]},
        {"num_codebooks": 10**6},
        {"vocab_size": 2**31},
    ],
)
def test_numbers_of_modules_are_limited(fields: dict[str, Any]) -> None:
    """Whatever their names; each of these would take minutes and gigabytes."""
    with pytest.raises(InvalidInput, match="it must be at most"):
        _check_numbers(Config(fields))


def test_large_sizes_are_no_numbers_of_modules() -> None:
    """Bases, positions, tokens and blocks of them."""
    _check_numbers(
        Config({"rope_theta": 10**7, "max_position_embeddings": 10**6, "eos_token_id": 151645, "block_size": 10**6})
    )
    _check_numbers(Config({"block_ff_dim": 12288, "block_dim": 20480, "expert_layer_dim": 10**5, "layer_dim": 20_000}))
