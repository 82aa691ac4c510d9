"""The trainers by name, and which of them a recipe is of: its fields say so, and never the name of its file."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any

from lora_cli.errors import InvalidInput, argument
from lora_cli.methods.config.recipes.trainer import Trainer

FOLDER = os.path.join(os.path.dirname(__file__), "trainers")
# What only the config of an adapter has.
PEFT_TYPE = "peft_type"


@cache
def trainers() -> tuple[Trainer, ...]:
    """Return all trainers, in the order of their files' names.

    >>> [trainer.name for trainer in trainers()]
    ['axolotl', 'LLaMA-Factory', 'ms-swift', 'torchtune', 'TRL']
    """
    stems = sorted(name.removesuffix(".py") for name in os.listdir(FOLDER) if name.endswith(".py"))
    modules = (import_module(f"lora_cli.methods.config.recipes.trainers.{stem}") for stem in stems if stem[0] != "_")
    return tuple(module.TRAINER for module in modules)


@cache
def programs() -> Mapping[str, str]:
    """Return the trainers' names by the programs that start them.

    >>> programs()["tune"]
    'torchtune'
    """
    return {program: trainer.name for trainer in trainers() for program in trainer.programs}


@cache
def own_fields(trainer: Trainer) -> frozenset[str]:
    """Return the fields that no other trainer has."""
    known = Counter(name for each in trainers() for name in each.names)
    return frozenset(name for name in trainer.names if known[name] == 1)


def trainer_of(fields: Mapping[str, Any], every: Mapping[str, Any], source: str) -> Trainer:
    """Return the trainer that has the most of the fields, of those that only one trainer has first.

    `every` has those inside others, too. Half of the fields must be known of it.
    """
    for trainer in trainers():
        for name, layout in trainer.other_layouts.items():
            if name in every:
                raise InvalidInput(f"{source}: {name} is a field of {layout}")

    def score(trainer: Trainer) -> tuple[int, int]:
        return len(every.keys() & own_fields(trainer)), sum(map(trainer.knows, fields))

    first, second, *_ = sorted(trainers(), key=score, reverse=True)
    own, known = score(first)
    if own and 2 * known >= len(fields) and score(first) != score(second):
        return first
    names = ", ".join(trainer.name for trainer in trainers())
    if own and score(first) == score(second):
        fix = f"its fields are as much those of {first.name} as of {second.name}; drop those of one of them"
    elif PEFT_TYPE in fields:
        fix = f"it is PEFT's config of an adapter; give it as {argument('adapter')}"
    else:
        fix = f"its fields are not those of {names}"
    raise InvalidInput(f"{source} is not a recipe that is known here: {fix}")
