"""Patterns in configs, from the real program: each is matched in limited time, and none brings a warning of Python's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from adapter_files import pair, write_adapter
from program import run

from lora_cli.methods.registry import METHODS, method_named

# It backtracks for ever on the names of modules.
HOSTILE = "(.+.+)+(.+.+)+z"
TARGETS = ["q_proj", "v_proj"]
# The values that a field with patterns gives to modules.
SIZES = {"alpha_pattern": 8.0}
TEXTS = ("target_modules", "exclude_modules", "feedforward_modules", "layers_pattern")


def hostile_configs() -> list[Any]:
    """Return a config for each method and each of its fields that has patterns."""
    found = []
    for name in METHODS:
        method = method_named(name)
        shared = {"rank_pattern", "target_modules", "exclude_modules", "layers_pattern"} if name == "lora" else set()
        configs = {}
        for field in sorted({*method.fields, *shared}):
            if field.endswith("_pattern") and field != "layers_pattern":
                configs[field] = {"target_modules": TARGETS, field: {HOSTILE: SIZES.get(field, 4)}}
            elif field in TEXTS:
                configs[field] = {"target_modules": TARGETS, "layers_to_transform": [0], field: HOSTILE}
        for field in ("target_modules", "exclude_modules", "feedforward_modules"):
            if field in configs:
                del configs[field]["layers_to_transform"]
        found += [
            pytest.param({"peft_type": method.peft_type, **own}, id=f"{name}-{field}") for field, own in configs.items()
        ]
    return found


@pytest.mark.long
@pytest.mark.parametrize("config", hostile_configs())
def test_every_pattern_of_every_method_is_matched_in_limited_time(tmp_path: Path, config: dict[str, Any]) -> None:
    """The count ends after some seconds of computing: with one line, or with its answer where nothing is matched."""
    (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    done = run("count", "--adapter", str(tmp_path), "--model", "llama-3.2-1b", "--field", "r", timeout=60)
    assert done.returncode in {0, 2}
    assert "Traceback" not in done.stderr
    assert done.stderr.count("error: ") == (done.returncode == 2)


@pytest.mark.parametrize("key", ["n_frequency_pattern", "block_size_pattern"])
def test_patterns_are_compiled_once_for_however_many_keys(tmp_path: Path, key: str) -> None:
    """Some thousand keys on some hundred modules take a moment."""
    method = {"n_frequency_pattern": "FOURIERFT", "block_size_pattern": "C3A"}[key]
    keys = {f"layers.{n}.mlp.(up|down)_proj": 16 for n in range(1500)}
    (tmp_path / "adapter_config.json").write_text(
        json.dumps({"peft_type": method, "target_modules": ["up_proj", "down_proj"], key: keys})
    )
    done = run(
        "count", "--adapter", str(tmp_path), "--model", "llama-3.1-70b", "--field", "adapted_modules", timeout=20
    )
    assert (done.returncode, done.stdout) == (0, "160\n")


@pytest.mark.long
def test_the_limits_of_a_command_add_up_to_one(tmp_path: Path) -> None:
    """A key that is matched again and again, a moment below the limit each time, is given up once."""
    names = [f"base_model.model.layers.{n}.{'a' * 24}.q_proj" for n in range(4)]
    tensors: dict[str, Any] = {}
    for name in names:
        tensors |= pair(name, np.ones((4, 32), "<f4"), np.ones((32, 4), "<f4"))
    write_adapter(tmp_path / "slow", tensors, rank_pattern={r"(\w+\.?)+!": 4}, alpha_pattern={r"(\w+\.?)+!": 4})
    done = run("inspect", str(tmp_path / "slow"), "--spectrum", timeout=30)
    assert done.returncode in {0, 2}


@pytest.mark.parametrize("target", [".*[[qk]_proj", ".*[q--k]_proj", ".*[a&&b]_proj", ".*[q||k]_proj"])
def test_python_warns_nobody(target: str) -> None:
    """A pattern that Python would warn of is matched, as PEFT matches it, and stderr has only lines of ours."""
    done = run("count", "--model", "llama-3.2-1b", "-r", "8", "--target", target)
    assert all(line.startswith("lora-cli: ") for line in done.stderr.splitlines())


# Measured, the longest take three times as long as they may.
@pytest.mark.no_cover
@pytest.mark.parametrize("method", ["c3a", "vblora", "oft", "boft", "road", "miss", "gralora", "lokr", "randlora"])
@pytest.mark.parametrize("size", [2**31 - 1, 2**31 - 2])
def test_the_largest_sides_are_divided_at_once(method: str, size: int) -> None:
    """Divisors are found without trying every number."""
    knob = {"c3a": "block_size=7", "vblora": "vector_length=7", "boft": "boft_block_size=7", "oft": "oft_block_size=7"}
    rank = () if method_named(method).rank is None else ("-r", "4")
    more = ("--set", knob[method]) if method in knob else ()
    done = run("count", "-d", str(size), "-h", str(size), *rank, "--method", method, *more, timeout=10)
    assert done.returncode in {0, 2}
    fit = run("fit", "-d", str(size), "-h", str(size), "--method", method, "--max-params", "9B", timeout=60)
    assert fit.returncode in {0, 2}
