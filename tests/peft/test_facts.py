"""The sizes of which prompts are made, against what PEFT takes from transformers' configs."""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Any

import peft
import pytest
from peft.utils.other import _prepare_prompt_learning_config
from transformers import AutoConfig

from lora_cli.errors import InvalidInput
from lora_cli.methods.config.reading import read_adapter_config
from lora_cli.methods.parts.virtual_tokens import PromptSettings, prompt
from lora_cli.models.config import Config
from lora_cli.models.model import Model
from lora_cli.models.registry import family, model_types

sys.path.insert(0, str(Path(__file__).parent))
import drawn
from seed import SEED, turns


def theirs(config: dict[str, Any], adapter: peft.PromptLearningConfig) -> tuple[int, int] | None:
    """Return the width and the layers that PEFT finds, or None where it refuses."""
    fields = {name: value for name, value in config.items() if name not in {"model_type", "architectures"}}
    read = AutoConfig.for_model(config["model_type"], **fields)
    try:
        found = _prepare_prompt_learning_config(adapter, read)
    except ValueError:
        return None
    return found.token_dim, found.num_layers


@pytest.mark.parametrize("model_type", model_types())
@pytest.mark.parametrize("turn", turns(10))
@pytest.mark.parametrize("cached", [True, False])
def test_the_sizes_of_a_config_are_those_that_peft_takes(model_type: str, turn: int, cached: bool) -> None:
    """Drawn, or transformers' defaults; keys are narrower in grouped-query attention."""
    config = drawn.draw(model_type, ["Any"], random.Random(f"{SEED}/{model_type}/{turn}")) if turn else {}
    config = dict.fromkeys(family(model_type).required, 8) | config
    config["model_type"] = model_type
    made = peft.PrefixTuningConfig if cached else peft.PromptTuningConfig
    adapter = {"peft_type": "PREFIX_TUNING" if cached else "PROMPT_TUNING", "num_virtual_tokens": 1}
    model = Model("drawn", model_type, (), {}, None, None, config=Config({"vocab_size": 50, **config}))
    try:
        read, _ = read_adapter_config(Config(adapter))
        sizes = prompt(model, PromptSettings(num_virtual_tokens=1), read, cached=cached)
        ours: tuple[int, int] | None = (sizes.width, sizes.layers)
    except InvalidInput:
        ours = None
    assert ours == theirs(config, made(num_virtual_tokens=1)), f"seed {SEED}: {config}"
