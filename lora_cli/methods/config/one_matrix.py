"""A config on one matrix: PEFT's rules for a model whose only module is a Linear named W."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lora_cli.errors import InvalidInput, argument
from lora_cli.methods.registry import METHODS, method_named
from lora_cli.models.matrix import MATRIX_NAME

TARGETS = "target_modules"


def on_one_matrix(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return a config's fields for one matrix, which is the target where they name none."""
    name = str(fields.get("peft_type")).lower()
    if name in METHODS and method_named(name).prompt_tensors is not None:
        raise InvalidInput(f"{name} adapts a whole model and cannot adapt one matrix; give {argument('model')}")
    return {**fields, TARGETS: [MATRIX_NAME] if fields.get(TARGETS) is None else fields[TARGETS]}


def with_matrix_as_target(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a config for a model, with the matrix as one more of its targets.

    >>> with_matrix_as_target({"target_modules": ["q_proj"]}), with_matrix_as_target({"target_modules": ".*_proj"})
    ({'target_modules': ['q_proj', 'W']}, {'target_modules': '.*_proj|W'})
    """
    wanted = fields.get(TARGETS)
    if isinstance(wanted, str):
        wanted = wanted if wanted.lower() == "all-linear" else f"{wanted}|{MATRIX_NAME}"
    elif wanted and isinstance(wanted, list) and MATRIX_NAME not in wanted:
        wanted = [*wanted, MATRIX_NAME]
    return {**fields, TARGETS: wanted}
