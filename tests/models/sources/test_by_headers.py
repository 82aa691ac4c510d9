"""A class that is not known, of a type that is: what the headers of its checkpoint confirm."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import checkpoints
import pytest

from lora_cli.models.config import Config
from lora_cli.models.model import Model, read_config
from lora_cli.models.sources import installed_transformers
from lora_cli.models.sources.read_model import read_model

MIXTURE: dict[str, Any] = {
    "model_type": "qwen3_moe",
    "vocab_size": 50,
    "hidden_size": 16,
    "moe_intermediate_size": 12,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 4,
    "num_experts": 3,
}
IMAGES: dict[str, Any] = {
    "model_type": "dinov2",
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 28,
}
OLD_NAMES = {f"attention.{new}": f"attention.attention.{old}" for new, old in (("q_proj", "query"), ("k_proj", "key"))}


@pytest.fixture(autouse=True)
def no_transformers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing else build the model."""
    monkeypatch.setattr(installed_transformers, "is_installed", lambda: False)


def on_disk(model: Model) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Return what a checkpoint of a model holds: each expert by itself, and DINOv2's older names."""
    stored: dict[str, tuple[str, tuple[int, ...]]] = {}
    for parameter in model.all_parameters():
        name, shape = parameter.name, parameter.shape
        owner, _, leaf = name.rpartition(".")
        if owner.endswith(".experts"):
            parts = {"gate_proj": 2, "up_proj": 2} if leaf == "gate_up_proj" else {"down_proj": 1}
            for expert in range(shape[0]):
                for part, pieces in parts.items():
                    stored[f"{owner}.{expert}.{part}.weight"] = ("BF16", (shape[1] // pieces, shape[2]))
            continue
        old = next((name.replace(new, old) for new, old in OLD_NAMES.items() if new in name), name)
        stored[old] = ("BF16", shape)
    return stored


def read(folder: Path, config: dict[str, Any], name: str, **more: Any) -> tuple[Model, Model]:
    """Return the model of a class of one's own with the headers of the class `name`, and that class."""
    theirs = read_config(Config({**config, "architectures": [name]}), "known")
    checkpoints.write(folder / "model.safetensors", on_disk(theirs))
    (folder / "config.json").write_text(json.dumps({**config, "architectures": ["Own"], **more}))
    return read_model(folder), theirs


@pytest.mark.parametrize(
    ("config", "name"),
    [
        (MIXTURE, "Qwen3MoeForCausalLM"),
        (MIXTURE, "Qwen3MoeModel"),
        (IMAGES, "Dinov2Model"),
    ],
)
def test_headers_confirm_the_class_whose_parameters_they_hold(
    config: dict[str, Any], name: str, tmp_path: Path
) -> None:
    """Its names are those in memory: experts are fused, and targets match what PEFT would match."""
    ours, theirs = read(tmp_path, config, name)
    assert (ours.nodes, ours.tied, ours.model_type, ours.dtype) == (
        theirs.nodes,
        theirs.tied,
        theirs.model_type,
        "BF16",
    )
    assert f"the headers hold as many parameters as {name}, which is counted" in ours.warnings[0]


def test_code_of_its_own_may_name_modules_otherwise(tmp_path: Path) -> None:
    """So names are those on disk."""
    ours, _ = read(tmp_path, MIXTURE, "Qwen3MoeForCausalLM", auto_map={"AutoModel": "modeling.Own"})
    assert "model.layers.0.mlp.experts.2.up_proj" in ours.module_names
    assert "modules are derived from the names and shapes" in ours.warnings[0]


def test_other_totals_confirm_no_class(tmp_path: Path) -> None:
    """The shapes are the model then."""
    ours, _ = read(tmp_path, MIXTURE, "Qwen3MoeForCausalLM", vocab_size=51)
    assert "modules are derived from the names and shapes" in ours.warnings[0]
