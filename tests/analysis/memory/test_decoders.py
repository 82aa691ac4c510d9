"""Every decoder's step peaks as in PyTorch: figures drawn at random, of PyTorch on fake tensors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lora_cli.analysis.count.count_plan import make_plan
from lora_cli.analysis.memory.replay.setup import Setup
from lora_cli.analysis.memory.replay.step import replay
from lora_cli.analysis.memory.training import Training
from lora_cli.errors import InvalidInput
from lora_cli.methods.config.reading import read_adapter_config
from lora_cli.models.config import Config
from lora_cli.models.model import read_config

ROWS = json.loads((Path(__file__).parents[2] / "reference/memory/rows-decoders.json").read_text(encoding="utf-8"))[
    "rows"
]
QV = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 8, "target_modules": ["q_proj", "v_proj"]}
SMALL: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "num_hidden_layers": 2,
    "vocab_size": 100,
}


def setup_of(config: dict[str, Any], adapter: dict[str, Any]) -> Setup:
    """Return the setup of a model and an adapter."""
    model = read_config(Config(config), "model")
    plan, _ = read_adapter_config(Config(adapter))
    return Setup(model, make_plan(model, plan))


@pytest.mark.parametrize("row", ROWS, ids=[row["id"] for row in ROWS])
def test_a_step_peaks_as_in_pytorch(row: dict[str, Any]) -> None:
    """The contract is 1 %; nearly all are exact but for scalars."""
    step = replay(setup_of(row["config"], row["adapter"]), Training(**row["training"]))
    assert step.peak_bytes == pytest.approx(row["peak_bytes"], rel=3e-3)


@pytest.mark.parametrize("layers", [1, 5, 13, 26])
@pytest.mark.parametrize("checkpointing", [True, False])
@pytest.mark.parametrize("model_type", ["gemma2", "gemma3_text", "smollm3", "cohere2", "qwen2"])
def test_layers_that_repeat_are_replayed_a_few_times(
    model_type: str, checkpointing: bool, layers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether all layers are run or a few that stand for them, every phase has the same peak."""
    config = {**SMALL, "model_type": model_type, "num_hidden_layers": layers, "sliding_window": 16}
    setup = setup_of(config, QV)
    training = Training(2, 64, checkpointing=checkpointing, padded=True)
    few = replay(setup, training)
    monkeypatch.setattr(
        "lora_cli.analysis.memory.replay.body.layer_runs", lambda _, __: [(range(i, i + 1), 1) for i in range(layers)]
    )
    assert few.phases == replay(setup, training).phases


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"hidden_act": "sinlu"}, "the activation 'sinlu'"),
        ({"layer_types": ["full_attention", "chunked_attention"]}, "layer_types"),
        (
            {"layer_types": ["full_attention"]},
            "layer_types has length 1; it must have an entry for each of the 2 layers",
        ),
    ],
)
def test_what_is_not_known_of_a_block_is_refused(fields: dict[str, Any], message: str) -> None:
    """A guess would be worse than no figure."""
    with pytest.raises(InvalidInput, match=message):
        replay(setup_of({**SMALL, "model_type": "qwen3", "head_dim": 16, **fields}, QV), Training(1, 16))


@pytest.mark.parametrize(
    ("model_type", "flag"), [("stablelm", "qk_layernorm"), ("gemma3_text", "use_bidirectional_attention")]
)
def test_flags_that_are_not_described_are_refused(model_type: str, flag: str) -> None:
    """StableLM may norm every head by itself, and embeddings of Gemma 3 look both ways."""
    with pytest.raises(InvalidInput, match=flag):
        setup_of({**SMALL, "model_type": model_type, flag: True}, QV)
