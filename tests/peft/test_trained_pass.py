"""The pass through stored weights against PEFT's own merge, in the precision of the base model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import peft
import pytest
import torch
from safetensors.torch import save_model
from torch import nn
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from lora_cli import Forward, forward
from lora_cli.analysis.forward import tiled_pass
from lora_cli.analysis.forward.run import STORED, Run

DTYPES = {"float64": torch.float64, "float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


def llama(layers: int = 1) -> nn.Module:
    """Return a small model of Linears, whose head is tied to the embeddings."""
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=300,
            hidden_size=96,
            intermediate_size=1200,
            num_hidden_layers=layers,
            num_attention_heads=4,
            num_key_value_heads=2,
            tie_word_embeddings=True,
        )
    )
    # Layers of different sizes cannot be taken for each other.
    for number, layer in enumerate(model.model.layers):
        layer.self_attn.q_proj.weight.data *= 1000**number
    return model


def tall_llama() -> nn.Module:
    """Return one of two layers."""
    return llama(2)


def gpt2() -> nn.Module:
    """Return a small model of Conv1Ds, one of them square."""
    return GPT2LMHeadModel(GPT2Config(vocab_size=300, n_embd=96, n_layer=1, n_head=4, n_positions=32))


class Others(nn.Module):
    """An embedding and convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.emb = nn.Embedding(50, 16)
        self.conv = nn.Conv2d(6, 10, (3, 2))
        self.point = nn.Conv2d(6, 10, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return anything: nothing is run."""
        return x


LAYER = "model.layers.0"
CASES: dict[str, tuple[Any, list[str], dict[str, Any]]] = {
    "llama": (llama, [f"{LAYER}.self_attn.k_proj", f"{LAYER}.mlp.up_proj", f"{LAYER}.mlp.down_proj"], {}),
    "llama, rslora": (llama, [f"{LAYER}.self_attn.q_proj"], {"use_rslora": True, "alpha_pattern": {"q_proj": 3}}),
    "llama, tied": (llama, ["lm_head"], {}),
    "llama, replicated": (
        tall_llama,
        [f"{LAYER}.self_attn.q_proj", "model.layers.1.self_attn.q_proj"],
        {"layer_replication": [[1, 2], [0, 1]]},
    ),
    "gpt2": (gpt2, ["transformer.h.0.attn.c_attn", "transformer.h.0.attn.c_proj"], {"fan_in_fan_out": True}),
    "others": (Others, ["emb", "conv", "point"], {}),
}


def trained(folder: Path, case: str, dtype: torch.dtype) -> tuple[peft.PeftModel, nn.Module]:
    """Save a base model and an adapter on it; return it as PEFT loads it again, and the base alone."""
    torch.manual_seed(3)
    make, modules, fields = CASES[case]
    base = make().to(dtype)
    save_model(base, folder / "model.safetensors")
    if hasattr(base, "config"):
        base.config.save_pretrained(folder)
    config = peft.LoraConfig(**{"r": 4, "lora_alpha": 6, "target_modules": modules, **fields})
    model = peft.get_peft_model(make(), config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                parameter.copy_(torch.randn_like(parameter) * (0.003 if "_B" in name else 0.1))
    model.save_pretrained(folder / "adapter")
    return peft.PeftModel.from_pretrained(base, folder / "adapter"), make().to(dtype)


def weight(model: nn.Module, module: str) -> torch.Tensor:
    """Return a module's weight, adapted or not."""
    layer = model.get_submodule(module)
    return getattr(layer, "base_layer", layer).weight.detach()


def through(folder: Path, module: str, dtype: str, batch: int = 1) -> Forward:
    """Return our pass through a module of the adapter in a folder, beside its base model."""
    return forward(weights=str(folder), adapter=str(folder / "adapter"), module=module, dtype=dtype, batch=batch)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "float64"])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.filterwarnings("ignore")
def test_what_survives_is_what_pefts_merge_leaves(tmp_path: Path, case: str, dtype: str) -> None:
    """PEFT's weights before and after `merge_and_unload`, and its update in between, give our shares."""
    model, _ = trained(tmp_path, case, DTYPES[dtype])
    names = CASES[case][1]
    before = {name: weight(model.base_model.model, name).double().clone() for name in names}
    updates = {
        name: model.base_model.model.get_submodule(name).get_delta_weight("default").detach().double() for name in names
    }
    merged = model.merge_and_unload()
    for name in names:
        found = through(tmp_path, name, dtype).record()
        moved = weight(merged, name).double() - before[name]
        lost = ((moved - updates[name]) ** 2).sum() / (updates[name] ** 2).sum()
        assert found["percent_survived"] == pytest.approx(100 * (1 - float(lost)), abs=0.02)
        assert found["percent_changed"] == pytest.approx(100 * float((moved != 0).double().mean()), abs=0.1)
        if dtype == "bfloat16":
            assert float(lost) > 1e-4


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("case", ["llama", "llama, rslora", "gpt2"])
@pytest.mark.filterwarnings("ignore")
def test_both_paths_are_pefts(tmp_path: Path, case: str, dtype: str) -> None:
    """The same input through PEFT's layer, merged and unmerged, without its bias: our norms and our difference."""
    model, _ = trained(tmp_path, case, DTYPES[dtype])
    for name in CASES[case][1]:
        found = through(tmp_path, name, dtype, batch=5)
        run = Run(found.d, found.h, found.r, found.alpha, dtype, found.seed, 5, STORED, found.scaling)
        x = torch.from_numpy(tiled_pass.draw(run, "input", (0, 0), 1, np.empty((5, run.d), np.float32)))
        layer = model.base_model.model.get_submodule(name)
        if layer.base_layer.bias is not None:
            nn.init.zeros_(layer.base_layer.bias)
        with torch.no_grad():
            plain = layer.base_layer(x.to(DTYPES[dtype])).double()
            factored = layer(x.to(DTYPES[dtype])).double()
            layer.merge()
            merged = layer(x.to(DTYPES[dtype])).double()
        off = {"float32": 1e-5, "float16": 1e-3, "bfloat16": 1e-2}[dtype]
        assert found.output_norm == pytest.approx(float(plain.norm()), rel=off)
        assert found.modified_output_norm == pytest.approx(float(merged.norm()), rel=off)
        difference = float((merged - factored).norm() / merged.norm())
        # In float32 the two differ by the order of their sums, which is BLAS's own.
        assert found.relative_difference == pytest.approx(difference, rel=0.25, abs=1e-6 if dtype == "float32" else 0)
