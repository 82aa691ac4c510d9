"""Steps of decoders with layer norms, of encoders, of images and of two stacks peak as in PyTorch."""

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

ROWS = json.loads((Path(__file__).parents[2] / "reference/memory/rows-encoders.json").read_text(encoding="utf-8"))[
    "rows"
]
ALL = {"peft_type": "LORA", "r": 8, "target_modules": "all-linear"}
SIZES: dict[str, dict[str, Any]] = {
    "bert": {"hidden_size": 64, "intermediate_size": 128, "num_attention_heads": 4, "vocab_size": 100},
    "falcon": {"hidden_size": 64, "num_attention_heads": 4, "num_kv_heads": 2, "vocab_size": 100, "bias": True},
    "gpt2": {"n_embd": 64, "n_head": 4, "vocab_size": 100},
    "gpt_neox": {"hidden_size": 64, "intermediate_size": 128, "num_attention_heads": 4, "vocab_size": 100},
    "t5": {"d_model": 64, "d_ff": 128, "num_heads": 4, "d_kv": 16, "vocab_size": 100},
    "vit": {
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_attention_heads": 4,
        "image_size": 64,
        "architectures": ["ViTForImageClassification"],
    },
}


def setup_of(config: dict[str, Any], adapter: dict[str, Any]) -> Setup:
    """Return the setup of a model and an adapter."""
    model = read_config(Config(config), "model")
    plan, _ = read_adapter_config(Config(adapter))
    return Setup(model, make_plan(model, plan))


@pytest.mark.parametrize("row", ROWS, ids=[row["id"] for row in ROWS])
def test_a_step_peaks_as_in_pytorch(row: dict[str, Any]) -> None:
    """The contract is 1 %; these differ by scalars alone."""
    step = replay(setup_of(row["config"], row["adapter"]), Training(**row["training"]))
    assert step.peak_bytes == pytest.approx(row["peak_bytes"], rel=1e-3)
    assert step.peak_phase == row["peak_phase"]


@pytest.mark.parametrize("checkpointing", [True, False])
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("model_type", SIZES)
def test_a_few_layers_stand_for_all(
    model_type: str, attention: str, checkpointing: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every phase has the same peak, whether all layers are run or a few, in both stacks where there are two."""
    setup = setup_of({"model_type": model_type, "num_hidden_layers": 9, **SIZES[model_type]}, ALL)
    training = Training(2, 48, checkpointing=checkpointing, attention=attention, padded=True)
    few = replay(setup, training)
    monkeypatch.setattr(
        "lora_cli.analysis.memory.replay.body.layer_runs", lambda _, body: [(range(len(body.blocks)), 1)]
    )
    assert few.phases == replay(setup, training).phases


def test_the_length_of_an_image_is_its_own() -> None:
    """A length and padding say nothing of images, which have as many tokens as patches and a class token."""
    setup = setup_of({"model_type": "vit", **SIZES["vit"]}, ALL)
    assert replay(setup, Training(2, 7, padded=True)).phases == replay(setup, Training(2, 2048)).phases


def test_a_class_without_a_known_head_is_refused() -> None:
    """What the head of a class allocates is declared, or not known."""
    config = {"model_type": "gpt2", **SIZES["gpt2"], "architectures": ["GPT2DoubleHeadsModel"]}
    with pytest.raises(InvalidInput, match="the class 'GPT2DoubleHeadsModel'"):
        setup_of(config, ALL)


def test_an_adapter_of_a_convolution_is_refused() -> None:
    """LoRA beside a convolution is two convolutions, which have no replay."""
    with pytest.raises(InvalidInput, match="an adapter of the Conv2d"):
        setup_of({"model_type": "vit", **SIZES["vit"]}, {**ALL, "target_modules": ["projection"]})
