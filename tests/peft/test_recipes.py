"""Recipes against PEFT: what a recipe comes to, in PEFT's own config, on a model of transformers without values.

With the trainers' wheels unpacked in the folder that TRAINERS names, each recipe is counted by its trainer's own code too.
"""

from __future__ import annotations

import json
import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

import peft
import pytest

from lora_cli import count
from lora_cli.analysis.recipe import follow_recipe
from lora_cli.methods.config.adaptation import Adaptation
from lora_cli.methods.config.arguments import config_fields
from lora_cli.methods.config.recipes.recipe import read_recipe

sys.path.insert(0, str(Path(__file__).parent))
import recipes

FOLDER = os.environ.get("TRAINERS")
RECORDED = json.loads(recipes.RECORDED.read_text(encoding="utf-8"))
CONFIGS = {str(kind.value): config for kind, config in peft.mapping.PEFT_TYPE_TO_CONFIG_MAPPING.items()}


def peft_config(how: Adaptation) -> Any:
    """Return PEFT's own config of an adaptation."""
    fields = dict(config_fields(how, of_model=True, needs_rank=False).fields)
    return CONFIGS[fields.pop("peft_type")](**fields)


@cache
def counter(trainer: str) -> Any:
    """Return what counts by a trainer's own code."""
    assert FOLDER is not None
    return recipes.COUNTERS[trainer](Path(FOLDER))


@pytest.mark.parametrize("path", recipes.paths(), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_peft_trains_as_much(path: Path) -> None:
    """Of the same fields."""
    followed = follow_recipe(path, None, [Adaptation()])
    model = followed.subject.model
    assert model is not None
    trained = recipes.adapted(recipes.built(model), peft_config(followed.hows[0]))
    recorded = RECORDED[f"{path.parent.name}/{path.name}"]["trainable_params"]
    assert trained == count(recipe=path).trainable_params == recorded


def test_peft_refuses_the_dropout_that_is_left_out() -> None:
    """TRL's default beside the parameters of experts, and beside modules that PEFT rewrites to them."""
    for name in ("mixture.yml", "orpo-mixture.yml"):
        path = recipes.RECIPES / "trl" / name
        recipe = read_recipe(path)
        model = recipes.base_of(recipe)
        how, _ = recipe.adaptation(model, Adaptation())
        with pytest.raises(ValueError, match="ParamWrapper does not work with lora_dropout != 0"):
            recipes.adapted(recipes.built(model), peft_config(how))
        assert "lora_dropout 0.05" in "\n".join(count(recipe=path).warnings)


@pytest.mark.skipif(FOLDER is None, reason="TRAINERS names no folder of trainers")
@pytest.mark.parametrize("path", recipes.paths(), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_trainer_trains_as_much(path: Path) -> None:
    """By its own functions, with the dropout that is recorded."""
    recipe = read_recipe(path)
    found = counter(path.parent.name)(recipe, recipes.base_of(recipe))
    assert found.trainable_params == count(recipe=path).trainable_params
    assert found.dropout == RECORDED[f"{path.parent.name}/{path.name}"]["dropout"]
