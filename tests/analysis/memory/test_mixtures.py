"""The step of mixtures of experts and of models that see peaks as in PyTorch: figures drawn at random, on fake tensors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from memory_rows import difference, setup_of, training_of

from lora_cli.analysis.memory.replay.setup import Setup
from lora_cli.analysis.memory.replay.static import static
from lora_cli.analysis.memory.replay.step import replay
from lora_cli.analysis.memory.training import Training
from lora_cli.errors import InvalidInput
from lora_cli.models.config import Config
from lora_cli.models.model import read_config

FILE = Path(__file__).parents[2] / "reference/memory/rows-mixtures.json"
ROWS: list[dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))["rows"]
BY_ID = {row["id"]: row for row in ROWS}
CLOSE = 3e-3


@pytest.mark.parametrize("row", ROWS, ids=[row["id"] for row in ROWS])
def test_a_step_peaks_as_in_pytorch(row: dict[str, Any]) -> None:
    """The contract is 1 %; on tensors this small a few indices are a thousandth."""
    assert abs(difference(row)) < CLOSE


@pytest.mark.parametrize("checkpointing", [True, False])
@pytest.mark.parametrize("model_type", ["mixtral", "deepseek_v3", "gpt_oss"])
def test_layers_that_repeat_are_replayed_a_few_times(
    model_type: str, checkpointing: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether all layers are run or a few that stand for them, every phase has the same peak."""
    layers = 13
    row = next(row for row in ROWS if row["config"]["model_type"] == model_type)
    setup = setup_of({**row, "config": {**row["config"], "num_hidden_layers": layers}})
    training = training_of(row["settings"])._replace(checkpointing=checkpointing, seq=32)
    few = replay(setup, training)
    monkeypatch.setattr(
        "lora_cli.analysis.memory.replay.body.layer_runs", lambda _, __: [(range(i, i + 1), 1) for i in range(layers)]
    )
    assert few.phases == replay(setup, training).phases


def test_adapted_experts_take_a_sum_as_large_as_their_weights() -> None:
    """LoRA on fused experts makes the whole weight again, so their updates cost more than their few parameters."""
    row = next(
        row for row in ROWS if row["id"].startswith("mixtral") and row["adapter"]["target_modules"] == "all-linear"
    )
    plain = {**row, "adapter": {**row["adapter"], "target_modules": ["q_proj"]}}
    config, training = row["config"], training_of(row["settings"])._replace(checkpointing=False, dtype="bfloat16")
    weight = 2 * config["num_local_experts"] * 2 * config["intermediate_size"] * config["hidden_size"]
    more, less = (replay(setup_of(each), training).phases["backward"].total for each in (row, plain))
    assert more - less > weight


def test_what_is_trained_of_a_tower_has_no_states() -> None:
    """A batch of text gives it no gradient, but its weights are there."""
    row = {**BY_ID["smolvlm-0"], "adapter": {"peft_type": "LORA", "r": 8, "target_modules": "all-linear"}}
    training = training_of(row["settings"])._replace(optimizer="adamw-foreach")
    held = static(setup_of(row), training)
    assert 0 < held.optimizer < 2 * held.adapter_weights


@pytest.mark.parametrize("model_type", ["qwen3_next", "minimax", "jamba"])
def test_hybrids_are_refused_by_name(model_type: str) -> None:
    """Layers with a state have no replay, and a guess would be worse than no figure."""
    with pytest.raises(InvalidInput, match=f"model type '{model_type}'"):
        Setup(read_config(Config({"model_type": model_type}), "model"), None)


def test_a_composite_whose_text_part_is_not_known_is_refused() -> None:
    """The tower alone would be a guess."""
    config = {"model_type": "llava", "text_config": {"model_type": "qwen3_next"}}
    with pytest.raises(InvalidInput, match="model type 'llava'"):
        Setup(read_config(Config(config), "model"), None)


def test_an_activation_of_experts_is_looked_up() -> None:
    """One that is not known is refused."""
    row = next(row for row in ROWS if row["id"].startswith("mixtral"))
    with pytest.raises(InvalidInput, match="sinlu"):
        replay(setup_of({**row, "config": {**row["config"], "hidden_act": "sinlu"}}), Training(1, 16))
