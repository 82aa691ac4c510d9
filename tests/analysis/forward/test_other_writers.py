"""The pass through adapters of other programs: the figures are those of PEFT's adapter with the same values."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from adapter_files import Array, pair, write_adapter, write_arrays

from lora_cli import InvalidInput, forward

RNG = np.random.default_rng(13)
D, H, R, SCALE = 6, 8, 2, 1.5
# The name of a module in the base model, and in each writer's files.
BASE = "model.layers.0.self_attn.o_proj"
MLX_CONFIG = {"fine_tune_type": "lora", "lora_parameters": {"rank": R, "scale": SCALE}}
PEFT_CONFIG = {"r": R, "lora_alpha": R * SCALE, "target_modules": ["o_proj"]}
DIFFUSERS_METADATA = {f"transformer.{name}": value for name, value in PEFT_CONFIG.items()}


def normal(*shape: int) -> Array:
    """Return normal numbers."""
    return RNG.standard_normal(shape).astype(np.float32)


def mlx(folder: Path, a: Array, b: Array) -> str:
    """Write mlx-lm's folder."""
    (folder / "adapter_config.json").write_text(json.dumps(MLX_CONFIG))
    write_arrays(folder / "adapters.safetensors", {f"{BASE}.lora_a": a.T, f"{BASE}.lora_b": b.T})
    write_arrays(folder / "0000100_adapters.safetensors", {f"{BASE}.lora_a": a.T * 2, f"{BASE}.lora_b": b.T})
    return str(folder)


def torchtune(folder: Path, a: Array, b: Array) -> str:
    """Write torchtune's tensors beside the config of its checkpointer."""
    (folder / "adapter_config.json").write_text(json.dumps(PEFT_CONFIG))
    name = "layers.0.attn.output_proj"
    write_arrays(folder / "epoch_0.safetensors", {f"{name}.lora_a.weight": a, f"{name}.lora_b.weight": b})
    return str(folder / "epoch_0.safetensors")


def diffusers(folder: Path, a: Array, b: Array) -> str:
    """Write a file of a pipeline with its metadata."""
    arrays = {f"transformer.{BASE}.lora_A.weight": a, f"transformer.{BASE}.lora_B.weight": b}
    path = folder / "style.safetensors"
    write_arrays(path, arrays, metadata={"lora_adapter_metadata": json.dumps(DIFFUSERS_METADATA)})
    return str(path)


@pytest.mark.parametrize("write", [mlx, torchtune, diffusers])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_figures_are_those_of_peft(write: Callable[[Path, Array, Array], str], dtype: str, tmp_path: Path) -> None:
    """Whatever the file calls the module, and however it stores A and B."""
    w, a, b = normal(H, D), normal(R, D), normal(H, R)
    write_arrays(tmp_path / "model.safetensors", {f"{BASE}.weight": w})
    weights = str(tmp_path / "model.safetensors")
    (tmp_path / "other").mkdir()
    path = write(tmp_path / "other", a, b)
    ours = forward(weights=weights, adapter=path, module="output_proj" if write is torchtune else "o_proj", dtype=dtype)
    peft = write_adapter(tmp_path / "peft", pair(BASE, a, b), **PEFT_CONFIG)
    theirs = forward(weights=weights, adapter=peft, module="o_proj", dtype=dtype)
    assert {**ours.record(), "module": ""} == {**theirs.record(), "module": ""}
    assert ours.scaling == SCALE


def test_an_update_without_a_known_scaling_is_refused(tmp_path: Path) -> None:
    """The tensors of torchtune do not tell alpha."""
    w, a, b = normal(H, D), normal(R, D), normal(H, R)
    write_arrays(tmp_path / "model.safetensors", {f"{BASE}.weight": w})
    path = torchtune(tmp_path, a, b)
    (tmp_path / "adapter_config.json").unlink()
    with pytest.raises(
        InvalidInput,
        match=r"the scaling of 'layers\.0\.attn\.output_proj' is not known: nothing in the file or beside it says alpha",
    ):
        forward(weights=str(tmp_path / "model.safetensors"), adapter=path, module="output_proj")
