"""What is looked at before transformers builds a model: how long that would take."""

from __future__ import annotations

from typing import Any

import pytest

from lora_cli.errors import InvalidInput
from lora_cli.models.built import _check_layers
from lora_cli.models.config import Config


@pytest.mark.parametrize("depth", [0, 1, 5000])
def test_too_many_layers_are_found_however_deep_they_stand(depth: int) -> None:
    """In objects and lists of objects, without a frame for each of them."""
    fields: dict[str, Any] = {"n_layer": 10_001}
    for _ in range(depth):
        fields = {"inner": [fields]}
    with pytest.raises(InvalidInput, match="n_layer' is 10001; it must be at most 10000"):
        _check_layers(Config(fields))


def test_what_is_no_number_of_layers_is_left_to_transformers() -> None:
    """Lists of layers, flags, and numbers of other things."""
    _check_layers(Config({"layer_types": ["full"] * 3, "layer_norm": True, "vocab_size": 10**6, "n_layer": 10_000}))
