"""Values in files that no writer would write: one line and exit code 2, and never a bug of ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from adapter_files import pair, write_adapter
from program import run

MATRIX = ("-d", "64", "-h", "64", "-r", "4")
HUGE = f"0x{'f' * 4000}"


@pytest.mark.parametrize(
    "text",
    [
        f"[[tool.lora-cli]]\nx = {HUGE}\n",
        f"tool = [{HUGE}]\n",
        f"[tool.lora-cli]\nmax-params = [{HUGE}]\n",
        f"[tool.lora-cli]\nmax-params = {{a = {HUGE}}}\n",
        f"[tool.lora-cli]\nfail-on = [{HUGE}]\n",
        f"[tool.lora-cli]\nignore = [[{HUGE}]]\n",
        f"[tool.lora-cli]\nmax-params = {HUGE}\n",
    ],
)
def test_a_number_too_long_to_print_is_2(tmp_path: Path, text: str) -> None:
    """Python refuses to write it, alone or within a list or a table."""
    (tmp_path / "pyproject.toml").write_text(text)
    done = run("check", *MATRIX, "--max-params", "5M", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert len(done.stderr) < 500


@pytest.mark.parametrize("name", ["\ud800.safetensors", "a\0b.safetensors", "../\udfff.safetensors"])
def test_a_shard_whose_name_no_file_can_have_is_2(tmp_path: Path, name: str) -> None:
    """JSON can hold half a character, and a file name cannot."""
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a.weight": name}}))
    done = run("count", "--model", str(tmp_path), "--target", "b")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "a shard must be a .safetensors file" in done.stderr


@pytest.mark.parametrize("command", ["inspect", "check"])
@pytest.mark.parametrize("value", [5, "x", [1], True, {"q_proj": 2}, None])
@pytest.mark.parametrize("field", ["rank_pattern", "alpha_pattern"])
def test_a_pattern_that_a_method_ignores_may_be_anything(tmp_path: Path, command: str, value: Any, field: str) -> None:
    """HiRA's file is inspected whatever its config has there, or it is refused in one line."""
    tensors = pair("base_model.model.a.q_proj", np.ones((4, 32), "<f4"), np.ones((32, 4), "<f4"))
    write_adapter(tmp_path / "a", tensors, peft_type="HIRA", **{field: value})
    done = run(command, str(tmp_path / "a"))
    assert done.returncode in {0, 1, 2}
    assert "Traceback" not in done.stderr
