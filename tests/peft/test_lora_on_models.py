"""LoRA configs on models against PEFT itself: the two figures, which places are adapted, and the refusals."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

from lora_cli import InvalidInput
from lora_cli.analysis.count_model import count_model
from lora_cli.methods.adapter_config import read_adapter_config
from lora_cli.models.architectures import FAMILIES
from lora_cli.models.config import Config
from lora_cli.models.model import read_config

sys.path.insert(0, str(Path(__file__).parent))
import adapters

SEED = random.SystemRandom().randrange(2**32)
CONFIGS = 30


@pytest.mark.parametrize("model_type", ["llama", "gpt2", "qwen2", "bert", "opt", "gemma", "phi3", "t5"])
@pytest.mark.parametrize("turn", range(8))
def test_a_saved_adapter_has_the_size_that_is_counted(model_type: str, turn: int, tmp_path: Path) -> None:
    """Where a size is given, it is that of the file that `save_pretrained` writes."""
    config, adapter = adapters.drawn_case(model_type, random.Random(f"{SEED}/bytes/{model_type}/{turn}"))
    try:
        lora, _ = read_adapter_config(Config(adapter, "adapter_config.json"))
        size = count_model(read_config(Config(config), "drawn"), lora).adapter_bytes
    except InvalidInput:
        return
    if size is not None:
        assert adapters.saved_bytes(config, adapter, tmp_path) == size, f"seed {SEED}: {config} {adapter}"


@pytest.mark.parametrize("model_type", FAMILIES)
@pytest.mark.parametrize("turn", range(CONFIGS))
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
