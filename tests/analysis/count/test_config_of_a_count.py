"""The config that a count's JSON has: an adapter_config.json from which the same figures follow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from program import run

from lora_cli import count
from lora_cli.methods.registry import METHODS, method_named

ASKED: list[dict[str, Any]] = [
    {},
    {"r": 4, "target": "all-linear", "alpha": 3},
    {"target": ["c_attn", "wte"], "method": "dora"},
    {"target": r".*\.c_(attn|fc)", "settings": {"rank_pattern": {"c_fc": 2}, "bias": "all"}},
    {"settings": {"modules_to_save": ["lm_head"], "task_type": "SEQ_CLS"}},
    {"settings": {"trainable_token_indices": {"wte": [0, 1]}}},
]


# What a method needs beside its targets.
NEEDED = {"adalora": {"total_step": 1000}, "adaption_prompt": {"adapter_len": 10, "adapter_layers": 4}}


def config_of(counted: Any, folder: Path) -> Path:
    """Write the config of a count, and return its path."""
    path = folder / "adapter_config.json"
    path.write_text(json.dumps(counted.config_fields))
    return path


@pytest.mark.parametrize("asked", ASKED)
def test_the_same_figures_follow(asked: dict[str, Any], tmp_path: Path) -> None:
    """Whatever was asked, and from the config of that count again."""
    counted = count(model="gpt2", **asked)
    again = count(model="gpt2", adapter=config_of(counted, tmp_path))
    assert again.record() == counted.record()
    assert again.config_fields == counted.config_fields


@pytest.mark.parametrize("method", [name for name in METHODS if name != "xlora"])
def test_every_method_has_one(method: str, tmp_path: Path) -> None:
    """With PEFT's targets where it has some for the model, and a task where a prompt needs one."""
    declared = method_named(method)
    settings: dict[str, Any] = {"task_type": "CAUSAL_LM"} if declared.is_prompt else {}
    settings |= {"num_virtual_tokens": 4} if "num_virtual_tokens" in declared.fields else {}
    target = "q_proj" if "target_modules" in declared.shared_fields else None
    settings |= NEEDED.get(method, {})
    counted = count(model="llama-3.2-1b", method=method, target=target, settings=settings)
    assert count(model="llama-3.2-1b", adapter=config_of(counted, tmp_path)).record() == counted.record()


def test_a_default_target_is_named() -> None:
    """As PEFT chooses it."""
    assert count(model="gpt2").config_fields["target_modules"] == ["c_attn"]
    assert count(8, 8, 2).config_fields == {}


def test_json_has_it() -> None:
    """Of count, fit and memory; formats of records do not."""
    for command in (("count",), ("fit", "--max-params", "1M"), ("memory", "--seq", "64")):
        answer = json.loads(run(*command, "gpt2", "-t", "c_attn", "--json").stdout)
        assert answer["config"]["target_modules"] == ["c_attn"]
    assert "config" not in run("count", "gpt2").stdout
