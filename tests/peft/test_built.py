"""Model types that are not written down here: built by transformers, and counted as PEFT counts them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from lora_cli.analysis.count.model_count import count_model
from lora_cli.errors import InvalidInput
from lora_cli.methods.config.reading import read_adapter_config
from lora_cli.models.config import Config
from lora_cli.models.sources.read_model import read_model

sys.path.insert(0, str(Path(__file__).parent))
import adapters
import drawn

OTHERS = [
    {"model_type": "falcon_mamba", "architectures": ["FalconMambaForCausalLM"], "num_hidden_layers": 2},
    {"model_type": "blip", "architectures": ["BlipForConditionalGeneration"]},
    {"model_type": "altclip", "architectures": ["AltCLIPModel"]},
    {"model_type": "data2vec-audio", "architectures": ["Data2VecAudioForCTC"]},
    {"model_type": "biogpt", "architectures": ["BioGptForCausalLM"], "num_hidden_layers": 2},
    {"model_type": "openai-gpt", "architectures": ["OpenAIGPTLMHeadModel"], "n_layer": 2},
    {"model_type": "bridgetower", "architectures": ["BridgeTowerModel"]},
    {"model_type": "flex_olmo", "architectures": ["FlexOlmoForCausalLM"], "num_hidden_layers": 2},
]
ADAPTERS: list[dict[str, Any]] = [
    {"peft_type": "LORA", "r": 4, "target_modules": "all-linear"},
    {"peft_type": "LORA", "r": 4, "target_modules": [".*nothing.*"]},
    {"peft_type": "LORA", "r": 2, "target_modules": ["q_proj", "v_proj", "c_attn", "in_proj"], "bias": "all"},
    {"peft_type": "LORA", "r": 2, "target_modules": ["attn"], "bias": "lora_only"},
]


@pytest.mark.parametrize("adapter", ADAPTERS, ids=["all-linear", "nothing", "attention", "torch's attention"])
@pytest.mark.parametrize("config", OTHERS, ids=[config["model_type"] for config in OTHERS])
def test_another_model_counts_as_peft_counts_it(
    config: dict[str, Any], adapter: dict[str, Any], tmp_path: Path
) -> None:
    """The total, PEFT's two figures and its refusals, and a note that says who built the model."""
    (tmp_path / "config.json").write_text(json.dumps(config))
    model = read_model(str(tmp_path))
    assert model.full_params == drawn.total(drawn.build(config))
    assert "built by the installed transformers" in model.notes[0]
    theirs = adapters.theirs(config, adapter)
    lora, _ = read_adapter_config(Config(adapter))
    if isinstance(theirs, Exception):
        with pytest.raises(InvalidInput):
            count_model(model, lora)
        return
    cost = count_model(model, lora)
    names = sorted(place.module.name for place in cost.targets.places)
    assert (cost.trainable_params, cost.all_params, names) == theirs


@pytest.mark.parametrize(
    "fields",
    [
        {"model_type": "nonsense"},
        {"model_type": "falcon_mamba", "architectures": ["os"]},
        {"model_type": "falcon_mamba", "architectures": [["FalconMambaModel"]]},
        {"model_type": "falcon_mamba", "architectures": ["LlamaConfig"]},
        {"model_type": "falcon_mamba", "num_hidden_layers": 10**9},
        {"model_type": "falcon_mamba", "hidden_size": "x"},
        {"model_type": "falcon_mamba", "hidden_size": -4},
        {"model_type": "falcon_mamba", "hidden_size": 2**40},
        {"model_type": "blip", "text_config": {"num_hidden_layers": 10**9}},
        {"model_type": "../../etc"},
        {"model_type": "x" * 10**6},
    ],
)
def test_what_transformers_cannot_build_is_refused(fields: dict[str, Any], tmp_path: Path) -> None:
    """In one line, whatever it raises."""
    (tmp_path / "config.json").write_text(json.dumps(fields))
    with pytest.raises(InvalidInput) as caught:
        read_model(str(tmp_path))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 700


def test_a_misspelt_class_gets_its_near_miss(tmp_path: Path) -> None:
    """Among the names of the installed transformers."""
    (tmp_path / "config.json").write_text('{"model_type": "llama", "architectures": ["LlamaForCausalML"]}')
    with pytest.raises(InvalidInput, match="did you mean LlamaForCausalLM"):
        read_model(str(tmp_path))


def test_code_that_a_model_brings_along_is_not_run(tmp_path: Path) -> None:
    """auto_map names it; only what transformers has itself is built."""
    (tmp_path / "modeling.py").write_text("raise SystemExit('run')")
    fields = {"model_type": "falcon_mamba", "num_hidden_layers": 1, "auto_map": {"AutoModel": "modeling.Model"}}
    (tmp_path / "config.json").write_text(json.dumps(fields))
    assert read_model(str(tmp_path)).full_params > 0
