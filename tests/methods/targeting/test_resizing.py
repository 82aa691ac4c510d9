"""The same targets at another rank, without looking for the modules again."""

from __future__ import annotations

from dataclasses import replace

from lora_cli.methods.config.reading import read_adapter_config
from lora_cli.methods.targeting.resizing import resize_targets
from lora_cli.methods.targeting.targets import targets
from lora_cli.models.config import Config
from lora_cli.models.sources.read_model import read_model


def test_resized_targets_are_fresh_ones_and_share_their_bases() -> None:
    """What the bases are made for does not depend on the rank, so it is looked for once."""
    model = read_model("gpt2")
    fields = {"peft_type": "VERA", "r": 8, "target_modules": ["c_attn"]}
    config, _ = read_adapter_config(Config(fields))
    found, larger = targets(model, config), replace(config, r=16)
    again = resize_targets(found, model, larger)
    assert again == targets(model, larger)
    assert {place.r for place in again.places} == {16}
    assert again.shared_bases.modules is found.shared_bases.modules
