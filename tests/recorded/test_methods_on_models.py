"""Every method on models as PEFT itself counted and saved it, recorded so that this runs without torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from breakdowns import assert_rows_add_up

from lora_cli.analysis.count.model_count import count_model
from lora_cli.errors import InvalidInput
from lora_cli.methods import METHODS
from lora_cli.methods.config.reading import read_adapter_config
from lora_cli.models.config import Config
from lora_cli.models.model import read_config

RECORDED = Path(__file__).parents[1] / "reference" / "methods.ndjson"
MADE, *CASES = map(json.loads, RECORDED.read_text(encoding="utf-8").splitlines())
# Where data decide how AdaMSS splits its factors, and where PEFT copies modules of a shadow, the size is not known.
BYTES_UNKNOWN = ("ADAMSS", "SHADOW")


def ours(case: dict[str, Any]) -> list[int | None]:
    """Return trainable, all and the bytes of the file, as they are counted here."""
    adapter, _ = read_adapter_config(Config(case["adapter"], "adapter_config.json"))
    cost = count_model(read_config(Config(case["config"]), "recorded"), adapter)
    assert_rows_add_up(cost)
    return [cost.trainable_params, cost.all_params, cost.adapter_bytes]


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=f"{case['adapter']['peft_type']}-{line}") for line, case in enumerate(CASES, 2)]
)
def test_a_method_counts_as_peft_counted_it(case: dict[str, Any]) -> None:
    """The figures and the bytes are PEFT's, and what it refused is refused; the number is the line of the file."""
    if case["figures"] is None:
        with pytest.raises(InvalidInput):
            ours(case)
        return
    *figures, size = ours(case)
    assert figures == case["figures"][:2]
    assert size == case["figures"][2] or (size is None and case["adapter"]["peft_type"] in BYTES_UNKNOWN)


def test_every_method_is_recorded() -> None:
    """But X-LoRA, whose size no config tells; and the command makes the record again, with these versions."""
    recorded = {case["adapter"]["peft_type"].lower() for case in CASES if case["figures"] is not None}
    assert recorded == set(METHODS) - {"xlora"}
    assert MADE["made by"] == "python tests/peft/methods.py"
    assert all(package in MADE["with"] for package in ("peft ", "transformers ", "torch "))
