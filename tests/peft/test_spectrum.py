"""The spectrum against PEFT's own `get_delta_weight`, on adapters that PEFT saved."""

from __future__ import annotations

from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np
import peft
import pytest
import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from lora_cli.analysis.inspect.spectrum import spectrum
from lora_cli.methods.adapter_file.read_adapter import read_adapter


class Experts(nn.Module):
    """Fused experts, as a mixture holds them."""

    def __init__(self) -> None:
        super().__init__()
        self.up = nn.Parameter(torch.randn(3, 14, 10))
        self.down = nn.Parameter(torch.randn(3, 10, 14))


class Zoo(nn.Module):
    """A module of each kind that LoRA takes."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(24, 40)
        self.second = nn.Linear(40, 12, bias=False)
        self.square = nn.Linear(16, 16)
        self.conv1d = Conv1D(30, 20)
        self.emb = nn.Embedding(50, 16)
        self.conv1 = nn.Conv1d(8, 12, 3)
        self.conv2 = nn.Conv2d(6, 10, (3, 2))
        self.point = nn.Conv2d(6, 10, 1)
        self.experts = Experts()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return anything: nothing is run."""
        return x


ALL = ["linear", "second", "square", "conv1d", "emb", "conv1", "conv2", "point"]
VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "rslora": {"use_rslora": True},
    "alpha_pattern": {"alpha_pattern": {"second": 3, "conv2": 32}},
    "rank_pattern": {"rank_pattern": {"linear": 7, "emb": 2, "conv1": 3}, "alpha_pattern": {"emb": 5}},
    "both": {"rank_pattern": {"linear": 7}, "use_rslora": True},
    "experts": {"target_modules": ["second"], "target_parameters": ["experts.up", "experts.down"]},
    "experts, rslora": {"target_modules": [], "target_parameters": ["experts.down"], "use_rslora": True},
    "velora": {"target_modules": ["linear", "second"], "velora_config": peft.VeloraConfig(num_groups=4)},
    "alora": {"target_modules": ["linear"], "alora_invocation_tokens": [1, 2]},
    "mica": {"target_modules": ["linear", "square"], "init_lora_weights": "mica"},
    "orthogonal": {"target_modules": ["linear", "square"], "init_lora_weights": "orthogonal"},
    "pissa": {"target_modules": ["linear", "square"], "init_lora_weights": "pissa"},
    "monteclora": {"target_modules": ["linear"], "monteclora_config": peft.MontecloraConfig(num_samples=4)},
    "lora_bias": {"target_modules": ["linear", "second"], "lora_bias": True},
}


def saved(folder: Path, fields: dict[str, Any]) -> peft.PeftModel:
    """Return a model whose adapter is trained, as it were, and saved."""
    torch.manual_seed(1)
    config = peft.LoraConfig(**{"r": 4, "lora_alpha": 6, "target_modules": ALL, **fields})
    model = peft.get_peft_model(Zoo(), config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name and parameter.is_floating_point():
                parameter.add_(torch.randn_like(parameter) / (1 + torch.arange(parameter.shape[-1])))
    model.save_pretrained(folder)
    return model


def updates(model: peft.PeftModel) -> dict[str, np.ndarray]:
    """Return what each adapted module adds, as a stack of matrices."""
    found = {}
    for name, layer in model.base_model.model.named_modules():
        if not hasattr(layer, "get_delta_weight"):
            continue
        delta = layer.get_delta_weight("default").detach().double().numpy()
        is_experts = type(layer).__name__ == "ParamWrapper"
        found[name] = delta if is_experts else delta.reshape(1, delta.shape[0], -1)
    return found


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.filterwarnings("ignore")
def test_norm_and_ranks_are_those_of_pefts_update(tmp_path: Path, variant: str) -> None:
    """Every module that PEFT has an update for, and each at its own norm, shares and ranks."""
    model = saved(tmp_path, VARIANTS[variant])
    found = spectrum(read_adapter(str(tmp_path)))
    assert found.reason is None
    assert found.left_out == ()
    expected = updates(model)
    assert {one.module for one in found.modules} == expected.keys()
    for one in found.modules:
        stack = expected[one.module]
        energies = np.linalg.svd(stack, compute_uv=False) ** 2
        shares = energies.sum(axis=0) / energies.sum()
        assert one.norm == pytest.approx(np.linalg.norm(stack), rel=1e-5)
        assert one.energy == pytest.approx(shares[: len(one.energy)], abs=1e-5)
        for share, rank in zip((0.9, 0.95, 0.99), astuple(one)[3:], strict=True):
            kept = np.cumsum(energies, axis=1) / energies.sum(axis=1, keepdims=True)
            assert rank is not None
            assert kept[:, rank - 1].min() >= share - 1e-5
            assert rank == 1 or kept[:, rank - 2].min() < share + 1e-5


@pytest.mark.parametrize("variant", ["plain", "rslora", "lora_bias", "velora"])
@pytest.mark.filterwarnings("ignore")
def test_an_adapter_of_the_rank_needed_is_as_much_smaller(tmp_path: Path, variant: str) -> None:
    """PEFT's file at that rank has so many values and bytes fewer, to the byte."""
    fields = {"target_modules": ["linear", "second", "square"], **VARIANTS[variant]}
    saved(tmp_path / "large", {**fields, "r": 12})
    large = read_adapter(str(tmp_path / "large"))
    found = spectrum(large)
    assert found.rank_needed is not None
    assert 1 <= found.rank_needed < 12
    saved(tmp_path / "small", {**fields, "r": found.rank_needed})
    small = read_adapter(str(tmp_path / "small"))
    sizes = [Path(trained.weights).stat().st_size for trained in (large, small)]
    values = [sum(stored.values for stored in trained.tensors.values()) for trained in (large, small)]
    assert (found.saved_params, found.saved_bytes) == (values[0] - values[1], sizes[0] - sizes[1])


@pytest.mark.parametrize(
    "fields",
    [
        {"use_dora": True},
        {"kasa_config": peft.KasaConfig()},
        {"use_bdlora": peft.BdLoraConfig(target_modules_bd_a=["linear"], target_modules_bd_b=["square"], nblocks=2)},
    ],
    ids=["dora", "kasa", "bdlora"],
)
@pytest.mark.filterwarnings("ignore")
def test_another_update_has_a_reason(tmp_path: Path, fields: dict[str, Any]) -> None:
    """What PEFT merges in another way is given no figure."""
    saved(tmp_path, {"target_modules": ["linear", "square"], **fields})
    found = spectrum(read_adapter(str(tmp_path)))
    assert found.reason
    assert found.modules == ()
