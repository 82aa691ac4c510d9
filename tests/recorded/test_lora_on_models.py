"""LoRA configs on models as PEFT itself counted them, recorded so that this runs without torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from breakdowns import assert_rows_add_up

from lora_cli.analysis.count.model_count import count_model
from lora_cli.errors import InvalidInput
from lora_cli.methods.config.reading import read_adapter_config
from lora_cli.models.config import Config
from lora_cli.models.model import read_config
from lora_cli.models.registry import model_types

RECORDED = Path(__file__).parents[1] / "reference" / "lora_on_models.ndjson"
MADE, *CASES = map(json.loads, RECORDED.read_text(encoding="utf-8").splitlines())


def ours(case: dict[str, Any]) -> list[int]:
    """Return trainable, all and the adapted places, as they are counted here."""
    adapter, unknown = read_adapter_config(Config(case["adapter"], "adapter_config.json"))
    assert unknown == []
    cost = count_model(read_config(Config(case["config"]), "recorded"), adapter)
    assert_rows_add_up(cost)
    return [cost.trainable_params, cost.all_params, cost.adapted_modules]


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=f"{case['config']['model_type']}-{line}") for line, case in enumerate(CASES, 2)]
)
def test_a_config_counts_as_peft_counted_it(case: dict[str, Any]) -> None:
    """The figures are PEFT's, and what PEFT refused is refused; the number is the line of the file."""
    if case["figures"] is None:
        with pytest.raises(InvalidInput):
            ours(case)
    else:
        assert ours(case) == case["figures"]


def test_the_record_says_how_it_was_made() -> None:
    """The command makes it again, with these versions."""
    assert MADE["made by"].startswith("python tests/peft/")
    assert all(package in MADE["with"] for package in ("peft ", "transformers ", "torch "))


def test_every_family_is_recorded_accepted_and_refused() -> None:
    """A family that is added is recorded too, and both verdicts are in the file."""
    accepted = {case["config"]["model_type"] for case in CASES if case["figures"] is not None}
    assert accepted == set(model_types())
    assert any(case["figures"] is None for case in CASES)
