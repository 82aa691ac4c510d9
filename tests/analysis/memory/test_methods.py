"""Methods, optimizers, quantised bases and losses peak as in PyTorch, and what has no replay is refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lora_cli.analysis.count.count_plan import make_plan
from lora_cli.analysis.memory.replay.setup import Setup
from lora_cli.analysis.memory.replay.static import preparation
from lora_cli.analysis.memory.replay.step import replay
from lora_cli.analysis.memory.training import Training
from lora_cli.errors import InvalidInput
from lora_cli.methods.config.reading import read_adapter_config
from lora_cli.models.config import Config
from lora_cli.models.model import read_config

ROWS = json.loads(Path(__file__, "../../../reference/memory/methods.json").resolve().read_text())["rows"]
LLAMA = ROWS[0]["config"]
LORA = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 8, "target_modules": ["q_proj"]}


def setup_of(config: dict[str, Any], adapter: dict[str, Any] | None) -> Setup:
    """Return an adapter on a Llama, or the whole model."""
    model = read_config(Config({**config, "architectures": ["LlamaForCausalLM"]}, "llama"), "llama")
    if adapter is None:
        return Setup(model, None)
    own, _ = read_adapter_config(Config(adapter))
    return Setup(model, make_plan(model, own))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_a_step_peaks_as_in_pytorch(row: dict[str, Any]) -> None:
    """Within a per mille of PyTorch on fake tensors, in every phase within a tenth."""
    training = Training(**{"batch": 2, "seq": 256, "checkpointing": False, **row["training"]})
    step = replay(setup_of(row["config"], row["adapter"]), training)
    assert step.peak_bytes == pytest.approx(row["peak_bytes"], rel=1e-3)
    for phase, peak in row["by_phase"].items():
        assert step.static_bytes + step.phases[phase].total == pytest.approx(peak, rel=0.1)


@pytest.mark.parametrize(
    ("adapter", "named"),
    [
        ({"peft_type": "RANDLORA"}, "randlora allocates"),
        ({"peft_type": "ADALORA", "total_step": 10}, "adalora allocates"),
        ({"peft_type": "PREFIX_TUNING", "num_virtual_tokens": 8}, "prefix_tuning allocates"),
        ({"alora_invocation_tokens": [1]}, "alora_invocation_tokens"),
        ({"kasa_config": {}}, "kasa_config"),
        ({"velora_config": {}}, "velora_config"),
        ({"layer_replication": [[0, 2], [0, 2]]}, "layer_replication"),
        ({"modules_to_save": ["mlp", "down_proj"]}, "a full copy within a full copy"),
        ({"peft_type": "LOHA", "module_dropout": 0.5}, "module_dropout"),
        ({"peft_type": "OFT", "r": 0, "oft_block_size": 32, "coft": True}, "coft"),
        ({"peft_type": "HIRA", "target_modules": ["embed_tokens"]}, "the Embedding"),
    ],
)
def test_what_has_no_replay_is_refused_by_name(adapter: dict[str, Any], named: str) -> None:
    """Before anything runs, in one line."""
    with pytest.raises(InvalidInput, match=named):
        setup_of(LLAMA, {**LORA, **adapter})


@pytest.mark.parametrize(
    ("adapter", "settings", "named"),
    [
        (None, {"quantize": "nf4"}, "cannot be trained whole"),
        ({**LORA, "peft_type": "LOHA"}, {"quantize": "int8"}, "beside a Linear in int8"),
        (LORA, {"optimizer": "lion"}, "lion"),
        ({**LORA, "target_modules": ["lm_head"]}, {"loss": "chunked"}, "without its adapter"),
    ],
)
def test_a_training_that_cannot_be_replayed_is_refused(
    adapter: dict[str, Any] | None, settings: dict[str, Any], named: str
) -> None:
    """With the option that asks for it."""
    with pytest.raises(InvalidInput, match=named):
        replay(setup_of(LLAMA, adapter), Training(2, 64, **settings))


def test_float32_beside_a_quantised_model_may_cost_more_than_it_saves() -> None:
    """A large vocabulary on narrow layers: embeddings and head are not quantised, and turn into float32."""
    wide = setup_of({**LLAMA, "vocab_size": 128256}, LORA)
    added, saved = preparation(wide, Training(1, 64, quantize="nf4"))
    assert added > 2 * 128256 * 512 * 2 > saved
    assert preparation(wide, Training(1, 64, dtype="float32", quantize="nf4"))[0] == 0
