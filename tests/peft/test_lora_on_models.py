"""LoRA configs on models against PEFT itself: the two figures, which places are adapted, and the refusals."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

from lora_cli import InvalidInput
from lora_cli.analysis.count.model_count import count_model
from lora_cli.methods.config.reading import read_adapter_config
from lora_cli.models.config import Config
from lora_cli.models.model import read_config
from lora_cli.models.registry import model_types

sys.path.insert(0, str(Path(__file__).parent))
import adapters
from seed import SEED, turns

CONFIGS = 30


@pytest.mark.parametrize("model_type", model_types())
@pytest.mark.parametrize("turn", turns(8))
def test_a_saved_adapter_holds_the_tensors_that_are_counted(model_type: str, turn: int, tmp_path: Path) -> None:
    """Each key, type and shape is that of the file that `save_pretrained` writes, and so is its size."""
    source = random.Random(f"{SEED}/saved/{model_type}/{turn}")
    config, adapter = adapters.drawn_case(model_type, source)
    config["dtype"] = source.choice([None, None, "float32", "bfloat16"])
    try:
        lora, _ = read_adapter_config(Config(adapter, "adapter_config.json"))
        cost = count_model(read_config(Config(config), "drawn"), lora)
    except InvalidInput:
        return
    if cost.file_tensors is None:
        with pytest.raises(NotImplementedError):
            adapters.saved(config, adapter, tmp_path)
        return
    ours = {key: (tensor.dtype, list(tensor.stored)) for key, tensor in cost.file_tensors.items()}
    assert ours == adapters.saved(config, adapter, tmp_path), f"seed {SEED}: {config} {adapter}"
    assert cost.adapter_bytes == (tmp_path / "adapter_model.safetensors").stat().st_size


@pytest.mark.parametrize("model_type", model_types())
@pytest.mark.parametrize("turn", turns(CONFIGS))
def test_a_config_counts_as_peft_counts_it(model_type: str, turn: int) -> None:
    """Trainable, all and the names of the adapted places are PEFT's, and what PEFT refuses is refused."""
    config, adapter = adapters.drawn_case(model_type, random.Random(f"{SEED}/{model_type}/{turn}"))
    theirs = adapters.theirs(config, adapter)
    ours: tuple[int, int, list[str]] | None = None
    refusal = None
    try:
        lora, _ = read_adapter_config(Config(adapter, "adapter_config.json"))
        cost = count_model(read_config(Config(config), "drawn"), lora)
        ours = (cost.trainable_params, cost.all_params, sorted(place.module.name for place in cost.targets.places))
    except InvalidInput as error:
        refusal = error
    expected = None if isinstance(theirs, Exception) else theirs
    assert ours == expected, f"seed {SEED}: {config} {adapter} {theirs!r} {refusal!r}"
