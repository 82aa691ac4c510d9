"""What cannot run is refused by its name: inputs beyond learned positions, routers and rotations. `tests/peft/test_runs.py` asks PyTorch."""

from __future__ import annotations

from typing import Any

import pytest
from small_llama import narrow

from lora_cli import InvalidInput, fit, memory, sweep
from lora_cli.models.config import Config
from lora_cli.models.model import Model, read_config


def small(**fields: Any) -> Model:
    """Return a narrow model with other fields."""
    return read_config(Config(narrow(num_hidden_layers=1, **fields)), "small")


@pytest.mark.parametrize(
    ("model", "longest"), [("gpt2", 1024), ("opt-125m", 2048), ("roberta-base", 512), ("bert-base", 512)]
)
def test_learned_positions_bound_the_length(model: str, longest: int) -> None:
    """What is beyond them does not run, whatever asks."""
    assert memory(model, r=8).seq == memory(model, r=8, seq=longest).seq == longest
    said = f"seq: {longest + 1} is more than {model} can run, which has learned {longest} positions; give at most {longest}"
    with pytest.raises(InvalidInput, match=said):
        memory(model, r=8, seq=longest + 1)
    with pytest.raises(InvalidInput, match=said):
        fit(model=model, r=8, knob="batch", max_memory="24GB", training={"seq": longest + 1})
    with pytest.raises(InvalidInput, match=said):
        _ = sweep(model=model, r=8, memory=True, seq=[8, longest + 1]).warnings


def test_a_prompt_takes_its_part_of_the_positions() -> None:
    """The default is what is left, and a prompt that leaves nothing is refused."""
    prompt = {"num_virtual_tokens": 24, "task_type": "CAUSAL_LM"}
    assert memory("gpt2", method="prompt_tuning", settings=prompt).seq == 1000
    with pytest.raises(InvalidInput, match="beside 24 virtual tokens"):
        memory("gpt2", method="prompt_tuning", settings=prompt, seq=1001)
    with pytest.raises(InvalidInput, match="give fewer virtual tokens"):
        memory("gpt2", method="prompt_tuning", settings={**prompt, "num_virtual_tokens": 1024})


def test_positions_that_are_computed_have_no_end() -> None:
    """A length that the model was not made for is only a warning."""
    found = memory(small(max_position_embeddings=100), r=4, target=["q_proj"], seq=101)
    assert found.warnings == ("seq 101 is longer than 100, the longest input of small",)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            {"num_experts_per_tok": 5, "num_local_experts": 4, "model_type": "mixtral", "num_key_value_heads": 4},
            "sent to 5 of 4 experts",
        ),
        ({"head_dim": 15}, "15 values of a head of 15 are rotated"),
        ({"model_type": "glm", "partial_rotary_factor": 2.0, "head_dim": 16}, "32 values of a head of 16 are rotated"),
    ],
)
def test_what_cannot_run_is_refused(fields: dict[str, Any], said: str) -> None:
    """A count is answered all the same."""
    with pytest.raises(InvalidInput, match=said):
        memory(small(**fields), r=4, target=["q_proj"])
