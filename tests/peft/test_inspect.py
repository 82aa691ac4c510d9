"""Adapters that PEFT itself has saved: what `inspect` finds in them, and that it finds nothing wrong."""

from __future__ import annotations

import random
import sys
import warnings
from pathlib import Path

import pytest
from peft import PeftConfig, PeftModel
from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING

from lora_cli import check
from lora_cli.analysis.inspect.findings.declaration import ERROR
from lora_cli.analysis.inspect.inspect import inspect
from lora_cli.methods.registry import methods_of
from lora_cli.models.config import Config
from lora_cli.models.model import read_config

sys.path.insert(0, str(Path(__file__).parent))
import adapters
import drawn
import methods
from seed import SEED

CONFIGS = 3
TRIES = 10


@pytest.mark.parametrize("method", methods.DRAWS)
@pytest.mark.parametrize("turn", range(CONFIGS))
def test_what_peft_saves_is_whole(method: str, turn: int, tmp_path: Path) -> None:
    """Nothing is missing, unknown or of another shape, with its model and without; figures and bytes are PEFT's."""
    source = random.Random(f"{SEED}/inspect/{method}/{turn}")
    for _ in range(TRIES):
        config, adapter = methods.drawn_case(method, source)
        fields = {name: value for name, value in adapter.items() if name != "peft_type"}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                wrapped = adapters.wrapped(config, PEFT_TYPE_TO_CONFIG_MAPPING[adapter["peft_type"]](**fields), "cpu")
                wrapped.save_pretrained(str(tmp_path))
                # PEFT does not load all that it saves: it sorts the keys of patterns, and fills in what it refuses.
                if method in methods_of("prompts"):
                    adapters.wrapped(config, PeftConfig.from_pretrained(str(tmp_path)), "cpu")
                else:
                    wrapped = PeftModel.from_pretrained(drawn.build(config, "cpu"), str(tmp_path), is_trainable=True)
            except Exception:  # noqa: BLE001, S112 - what PEFT refuses is compared elsewhere
                continue
        break
    else:
        pytest.skip(f"PEFT loads none of {TRIES} that it saved of {method}")
    trainable, every = wrapped.get_nb_trainable_parameters()
    told = f"seed {SEED}: {config} {adapter}"
    for model in (read_config(Config(config), "drawn"), None):
        # Some methods start as memory happens to be, so that values are looked at elsewhere.
        found = inspect(str(tmp_path), model, values=False)
        wrong = [finding for finding in found.findings if finding.severity == ERROR]
        assert not wrong, f"{told} {wrong}"
        refused = [each for each in check(found, loads_in="peft") if not each.passed]
        assert not refused, f"{told} {refused}"
        assert found.adapter_bytes == (tmp_path / "adapter_model.safetensors").stat().st_size
        assert found.expected_params in {None, found.file_params}, told
        assert found.expected_bytes in {None, found.adapter_bytes}, told
        if model is not None:
            assert (found.trainable_params, found.all_params) == (trainable, every), told
        else:
            assert found.trainable_params in {None, trainable}, told
