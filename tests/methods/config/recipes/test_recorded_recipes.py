"""The recipes in tests/reference/recipes against the figures of the trainers' own code (tests/peft/recipes.py)."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from lora_cli import count
from lora_cli.methods.config.adaptation import Adaptation
from lora_cli.methods.config.recipes.recipe import read_recipe
from lora_cli.methods.config.recipes.registry import own_fields, programs, trainers
from lora_cli.methods.config.recipes.trainer import Trainer
from lora_cli.models.sources.read_model import read_model

REFERENCE = Path(__file__).parents[3] / "reference"
RECORDED: dict[str, dict[str, Any]] = json.loads((REFERENCE / "recipes.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", RECORDED)
def test_the_figure_is_the_trainers(name: str) -> None:
    """To the parameter."""
    assert count(recipe=REFERENCE / "recipes" / name).trainable_params == RECORDED[name]["trainable_params"]


@pytest.mark.parametrize("name", RECORDED)
def test_the_dropout_is_the_trainers(name: str) -> None:
    """Its default where the recipe has none; a method without a dropout has none."""
    recipe = read_recipe(REFERENCE / "recipes" / name)
    base, _ = recipe.base_model()
    how, _ = recipe.adaptation(read_model(base), Adaptation())
    dropout = next((value for field, value in how.settings.items() if field.endswith("dropout")), 0)
    assert dropout == (RECORDED[name]["dropout"] or 0)


@pytest.mark.parametrize("name", RECORDED)
def test_the_trainer_is_recognised_whatever_the_file_is_called(name: str, tmp_path: Path) -> None:
    """By its fields."""
    path = tmp_path / "x"
    path.write_bytes((REFERENCE / "recipes" / name).read_bytes())
    assert read_recipe(path).trainer.name.lower() == name.partition("/")[0]


def test_every_trainer_has_ten() -> None:
    """And no recipe is without a figure."""
    files = {f"{path.parent.name}/{path.name}" for path in (REFERENCE / "recipes").glob("*/*")}
    assert files == set(RECORDED)
    counts = Counter(name.split("/")[0] for name in RECORDED)
    assert counts.keys() == {trainer.name.lower() for trainer in trainers()}
    assert min(counts.values()) >= 10


@pytest.mark.parametrize("trainer", trainers(), ids=lambda trainer: trainer.name)
def test_a_trainer_is_whole(trainer: Trainer) -> None:
    """It has fields and programs of its own, and none of those that change an answer is also said to change none."""
    assert own_fields(trainer)
    assert trainer.programs
    assert all(programs()[name] == trainer.name for name in trainer.programs)
    parts = (*trainer.arguments.values(), *trainer.settings.values(), *trainer.training.values())
    used = {name for part in (trainer.model, trainer.method, trainer.targets, *parts) for name in part.fields}
    assert not trainer.inert & {*used, *trainer.doubts, *trainer.training_doubts}


@pytest.mark.parametrize("trainer", trainers(), ids=lambda trainer: trainer.name)
def test_no_trainer_has_the_fields_of_a_layout_that_is_not_read(trainer: Trainer) -> None:
    """A recipe that is read is not refused for one."""
    assert not any(each.knows(name) for name in trainer.other_layouts for each in trainers())
