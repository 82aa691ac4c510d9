"""Classes of diffusers with adapters of every method, as PEFT itself counted them, recorded so that this runs without torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from breakdowns import assert_rows_add_up

from lora_cli.analysis.count.model_count import ModelCount, count_model
from lora_cli.errors import InvalidInput
from lora_cli.methods.config.reading import read_adapter_config
from lora_cli.models.config import Config
from lora_cli.models.model import read_config
from lora_cli.models.registry import class_names

RECORDED = Path(__file__).parents[1] / "reference" / "components.ndjson"
MADE, *CASES = map(json.loads, RECORDED.read_text(encoding="utf-8").splitlines())


def ours(case: dict[str, Any]) -> ModelCount:
    """Return the case as it is counted here."""
    adapter, _ = read_adapter_config(Config(case["adapter"], "adapter_config.json"))
    return count_model(read_config(Config(case["config"]), "recorded"), adapter)


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=f"{case['config']['_class_name']}-{line}") for line, case in enumerate(CASES, 2)]
)
def test_an_adapter_counts_as_peft_counted_it(case: dict[str, Any]) -> None:
    """Both figures and the bytes of the file are PEFT's, and what PEFT refused is refused."""
    if case["figures"] is None:
        with pytest.raises(InvalidInput):
            ours(case)
        return
    cost = ours(case)
    assert_rows_add_up(cost)
    assert [cost.trainable_params, cost.all_params] == case["figures"]
    assert None in {case["bytes"], cost.adapter_bytes} or cost.adapter_bytes == case["bytes"]


def test_every_class_is_recorded_accepted_and_refused() -> None:
    """Each class has cases, and both verdicts are in the file, with what it was made by."""
    assert MADE["made by"] == "python tests/peft/components.py"
    assert all(package in MADE["with"] for package in ("peft ", "diffusers ", "torch "))
    assert {case["config"]["_class_name"] for case in CASES if case["figures"] is not None} == set(class_names())
    assert any(case["figures"] is None for case in CASES)


@pytest.mark.parametrize(
    ("fields", "params"),
    [
        ({"_class_name": "UNet2DConditionModel", "cross_attention_dim": 768}, 859_520_964),
        ({"_class_name": "FluxTransformer2DModel"}, 11_891_178_560),
    ],
    ids=["Stable Diffusion 1.5", "FLUX.1 schnell"],
)
def test_a_published_model_has_its_published_total(fields: dict[str, Any], params: int) -> None:
    """As diffusers counts the parameters of its weights."""
    assert read_config(Config(fields), "published").full_params == params
