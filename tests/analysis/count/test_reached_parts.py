"""What is said where targets reach a tower, and that what it advises does what it says."""

from __future__ import annotations

import re
from typing import Any

import pytest

from lora_cli.analysis.count.model_count import ModelCount, count_model
from lora_cli.analysis.count.reached_parts import reached_parts
from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.config.lora_settings import LoraSettings
from lora_cli.models.config import Config
from lora_cli.models.model import read_config

TEXT = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 60}
VISION = {**TEXT, "image_size": 28, "patch_size": 14}
LLAVA = {"model_type": "llava", "text_config": TEXT, "vision_config": VISION}
LANGUAGE = "model.language_model."
ADVICE = re.compile(r"(target|exclude)_modules '(.+)' keeps to the language model$")


def cost(config: dict[str, Any] = LLAVA, **fields: Any) -> ModelCount:
    """Return what a config costs on a small model of several parts."""
    return count_model(read_config(Config(config), "small"), AdapterConfig(settings=LoraSettings(), **fields))


def adapted(found: ModelCount) -> set[str]:
    """Return the names of what is adapted."""
    return {place.module.name for place in found.targets.places}


def test_the_share_of_a_tower_is_told() -> None:
    """A half here: the tower has as many Linears of that name as the language model, and of the same shape."""
    (said,) = reached_parts(cost(target_modules=("q_proj", "v_proj")))
    assert said == (
        "the targets reach the vision tower 'model.vision_tower' (50.0 % of what is trained); "
        "target_modules 'model.language_model.*.(q_proj|v_proj)' keeps to the language model"
    )


def test_nothing_is_told_where_only_the_language_model_is_reached() -> None:
    """Nor of a model that has no towers."""
    assert not list(reached_parts(cost(target_modules=r"model\.language_model.*_proj")))
    assert not list(reached_parts(cost({"model_type": "llama", **TEXT}, target_modules=("q_proj",))))


def test_a_tower_alone_may_be_what_is_wanted() -> None:
    """So there is no advice."""
    (said,) = reached_parts(cost(target_modules=("fc1",)))
    assert said == "the targets reach the vision tower 'model.vision_tower' (100.0 % of what is trained)"


@pytest.mark.parametrize(
    "fields",
    [
        {"target_modules": "all-linear"},
        {"target_modules": ("q_proj",)},
        {"target_modules": ("q_proj", "lm_head")},
        {"target_modules": ("q_proj", "v_proj"), "layers_to_transform": (1,)},
        {"target_modules": r".*layers\.0.*q_proj"},
    ],
    ids=str,
)
def test_the_advice_adapts_the_same_in_the_language_model(fields: dict[str, Any]) -> None:
    """By a pattern for the targets, or one for what they leave out."""
    found = cost(**fields)
    kept = {name for name in adapted(found) if name == "lm_head" or name.startswith(LANGUAGE)}
    (said,) = reached_parts(found)
    advice = ADVICE.search(said)
    assert advice
    advised = cost(**fields | {f"{advice[1]}_modules": advice[2]})
    assert adapted(advised) == kept
    assert not list(reached_parts(advised))


def test_projectors_are_told_apart_from_towers() -> None:
    """Both are reached by all-linear."""
    (said,) = reached_parts(cost(target_modules="all-linear"))
    assert "the vision projector 'model.multi_modal_projector'" in said
    assert "the vision tower 'model.vision_tower'" in said
