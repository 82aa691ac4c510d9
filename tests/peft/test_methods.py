"""Every method against PEFT itself: its two figures and the size of the file, on drawn models and configs."""

from __future__ import annotations

import dataclasses
import random
import sys
from pathlib import Path
from typing import Any

import pytest
from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING
from peft.utils.peft_types import PeftType

from lora_cli import InvalidInput
from lora_cli.methods import METHODS, method_named
from lora_cli.methods.config.adapter_config import EVERYWHERE

sys.path.insert(0, str(Path(__file__).parent))
import methods
from seed import SEED, turns

CONFIGS, TYPED_CONFIGS = 20, 3
# Where data decide how AdaMSS splits its factors, and where PEFT copies modules of a shadow, the size is not known.
BYTES_UNKNOWN = ("adamss", "shadow")


@pytest.mark.parametrize("method", methods.DRAWS)
@pytest.mark.parametrize("turn", turns(CONFIGS))
def test_a_method_counts_as_peft_counts_it(method: str, turn: int) -> None:
    """Trainable, all and the file's bytes are PEFT's, and what PEFT refuses is refused."""
    compare(method, *methods.drawn_case(method, random.Random(f"{SEED}/{method}/{turn}")))


@pytest.mark.parametrize("method", methods.DRAWS)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
@pytest.mark.parametrize("turn", turns(TYPED_CONFIGS))
def test_a_method_counts_so_on_a_base_of_any_type(method: str, dtype: str, turn: int) -> None:
    """What PEFT casts to float32, what keeps the type of the base, and what trains because of it."""
    config, adapter = methods.drawn_case(method, random.Random(f"{SEED}/{method}/{dtype}/{turn}"))
    compare(method, {**config, "dtype": dtype}, adapter)


def compare(method: str, config: dict[str, Any], adapter: dict[str, Any]) -> None:
    """Compare both figures and the file's bytes, or both refusals."""
    ours, theirs = methods.ours(config, adapter), methods.theirs(config, adapter)
    drawn_case = f"seed {SEED}: {config} {adapter} {theirs!r} {ours!r}"
    if isinstance(ours, InvalidInput) or isinstance(theirs, Exception):
        assert isinstance(ours, InvalidInput) == isinstance(theirs, Exception), drawn_case
        return
    expected: tuple[int, int, int | None] = theirs
    if ours[2] is None:
        assert method in BYTES_UNKNOWN
        expected = (*theirs[:2], None)
    assert ours == expected, drawn_case


def test_no_method_of_pefts_is_forgotten() -> None:
    """Each of its types is a method here, and is drawn, but X-LoRA, whose size no config tells."""
    assert {name.upper() for name in METHODS} == {kind.value for kind in PeftType}
    assert methods.DRAWS.keys() == set(METHODS) - {"xlora"}


@pytest.mark.parametrize("method", [name for name in METHODS if name != "lora"])
def test_a_methods_fields_are_those_of_pefts_config(method: str) -> None:
    """None is missing and none is made up, and the rank's default is PEFT's."""
    declared = method_named(method)
    theirs = {field.name: field for field in dataclasses.fields(PEFT_TYPE_TO_CONFIG_MAPPING[declared.peft_type])}
    rank = {"r"} if declared.rank is not None else set()
    assert declared.shared_fields | declared.fields.keys() | rank == theirs.keys() - EVERYWHERE
    assert declared.rank is None or declared.rank == theirs["r"].default
