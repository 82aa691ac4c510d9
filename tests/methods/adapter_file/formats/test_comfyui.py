"""Files by ComfyUI's names: what is read of each, and the modules of a diffusers model that they are of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from adapter_files import Array, write_arrays
from small_models import FLUX

from lora_cli import InvalidInput, forward, inspect
from lora_cli.methods.adapter_file.format_registry import recognised

# The published names of some Linears of that model, with their inputs and outputs.
MODULES = {
    "double_blocks.0.img_attn.qkv": (16, 48),
    "double_blocks.0.txt_attn.qkv": (16, 48),
    "double_blocks.0.img_attn.proj": (16, 16),
    "single_blocks.0.linear1": (16, 112),
    "img_in": (4, 16),
}
SPELLINGS = {
    "PEFT's": ("diffusion_model.{}.lora_A.weight", "diffusion_model.{}.lora_B.weight"),
    "with a name of the adapter": (
        "diffusion_model.{}.lora_A.default.weight",
        "diffusion_model.{}.lora_B.default.weight",
    ),
    "kohya's": ("diffusion_model.{}.lora_down.weight", "diffusion_model.{}.lora_up.weight"),
    "old diffusers": ("diffusion_model.{}.lora.down.weight", "diffusion_model.{}.lora.up.weight"),
    "Mochi's": ("diffusion_model.{}.lora_A", "diffusion_model.{}.lora_B"),
}
DOTTED = {
    "LightX2V": ("transformer_blocks.0.attn.to_q", ("lora_down.weight", "lora_up.weight", "alpha")),
    "AI Toolkit's LoKr": ("transformer.transformer_blocks.0.attn.to_q", ("lokr_w1", "lokr_w2", "alpha")),
    "LoHa": ("unet.mid_block.attn.to_q", ("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b")),
    "text encoder": ("text_encoders.clip_l.transformer.text_model.encoder.layers.0.mlp.fc1", ("lora_up.weight",)),
}


def values(*shape: int) -> Array:
    """Return numbers that are neither 0 nor special."""
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype("<f4")


def written(folder: Path, spelling: str, alpha: float | None = None, **modules: tuple[int, int]) -> str:
    """Write LoRA of rank 2 for some modules, and return the file."""
    a, b = SPELLINGS[spelling]
    arrays = {}
    for name, (d, h) in {**MODULES, **modules}.items():
        arrays |= {a.format(name): values(2, d), b.format(name): values(h, 2)}
        arrays |= {} if alpha is None else {f"diffusion_model.{name}.alpha": np.array(alpha, "<f4")}
    write_arrays(folder / "style.safetensors", arrays)
    return str(folder / "style.safetensors")


def base(folder: Path, config: Mapping[str, object] = FLUX) -> str:
    """Write the config of a model of diffusers, and return it."""
    (folder / "config.json").write_text(json.dumps(config))
    return str(folder / "config.json")


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_file_fits_the_model_that_it_is_for(spelling: str, tmp_path: Path) -> None:
    """What is one Linear there is several in diffusers: their inputs, and all of their outputs."""
    found = inspect(written(tmp_path, spelling), base(tmp_path))
    assert (found.format, found.method, found.r, found.alpha, found.findings) == ("comfyui", "lora", 2, None, ())
    assert found.trainable_params == sum(2 * (d + h) for d, h in MODULES.values())
    assert {str(module["name"]): module["scaling"] for module in found.modules} == {
        "diffusion_model.double_blocks.0.img_attn.qkv": 1.0,
        "diffusion_model.double_blocks.0.txt_attn.qkv": 1.0,
        "transformer_blocks.0.attn.to_out.0": 1.0,
        "diffusion_model.single_blocks.0.linear1": 1.0,
        "x_embedder": 1.0,
    }


def test_a_note_says_what_was_compared(tmp_path: Path) -> None:
    """How many of the file's modules the model has; of a file of text encoders alone why none was."""
    own = written(tmp_path, "PEFT's", **{"double_blocks.1.img_mlp.0": (16, 64)})
    note = f"{own}: 5 of its 6 modules are in {base(tmp_path)!r}, and compared with the sizes there"
    assert note in inspect(own, base(tmp_path)).notes
    assert not [each for each in inspect(own).notes if "compared" in each]
    module = "lora_te1_text_model_encoder_layers_0_self_attn_q_proj"
    write_arrays(
        tmp_path / "text.safetensors", {f"{module}.lora_{side}.weight": values(4, 4) for side in ("down", "up")}
    )
    found = inspect(tmp_path / "text.safetensors", base(tmp_path))
    assert [each for each in found.notes if each.endswith("as it has only modules of text_encoder")]


@pytest.mark.parametrize(("alpha", "scaling"), [(1, 0.5), (0, 0.0), (None, 1.0)])
def test_an_alpha_of_0_is_no_update(alpha: float | None, scaling: float, tmp_path: Path) -> None:
    """`LoRAAdapter.calculate_weight` divides it by the rank; without one it takes 1."""
    found = inspect(written(tmp_path, "kohya's", alpha))
    assert {module["scaling"] for module in found.modules} == {scaling}


def test_other_modules_and_sizes_are_found(tmp_path: Path) -> None:
    """A Linear that the model does not have, and outputs of two where it puts three together."""
    path = written(
        tmp_path, "PEFT's", **{"double_blocks.1.img_mlp.0": (16, 64), "double_blocks.0.img_attn.qkv": (16, 32)}
    )
    found = inspect(path, base(tmp_path))
    assert [finding.code for finding in found.findings] == ["unknown-module", "other-sides"]
    assert "32 x 16 in the file, 48 x 16 there" in found.findings[1].message


@pytest.mark.parametrize("writer", DOTTED)
def test_kohyas_tensors_behind_dots_are_recognised(writer: str) -> None:
    """Whatever the model's names are."""
    module, tensors = DOTTED[writer]
    keys = [f"{module}.{tensor}" for tensor in tensors]
    found = recognised(keys, {}, {})
    assert found is not None
    assert found.format.name == "comfyui"
    assert {part.module for part in found.parts.values()} == {module}


XLABS = {
    "double_blocks.0.processor.qkv_lora1": (16, 48),
    "double_blocks.0.processor.proj_lora1": (16, 16),
    "double_blocks.0.processor.qkv_lora2": (16, 48),
    "double_blocks.0.processor.proj_lora2": (16, 16),
    "single_blocks.0.processor.qkv_lora": (16, 48),
    "single_blocks.0.processor.proj_lora": (80, 16),
}


@pytest.mark.parametrize("prefix", ["", "diffusion_model."])
def test_a_file_of_xlabs_fits_the_model_that_it_is_for(prefix: str, tmp_path: Path) -> None:
    """It has no alpha, and a LoRA of its own for the first rows of a fused Linear."""
    arrays = {}
    for name, (d, h) in XLABS.items():
        arrays |= {f"{prefix}{name}.down.weight": values(2, d), f"{prefix}{name}.up.weight": values(h, 2)}
    write_arrays(tmp_path / "style.safetensors", arrays)
    found = inspect(str(tmp_path / "style.safetensors"), base(tmp_path))
    assert (found.format, found.method, found.r, found.alpha, found.findings) == ("comfyui", "lora", 2, None, ())
    assert found.trainable_params == found.file_params == sum(2 * (d + h) for d, h in XLABS.values())
    assert {module["scaling"] for module in found.modules} == {1}
    assert {"transformer_blocks.0.attn.to_add_out", "diffusion_model.single_blocks.0.linear1_qkv"} <= {
        module["name"] for module in found.modules
    }


def test_a_bias_beside_lora_is_trained_too(tmp_path: Path) -> None:
    """As LightX2V has it, and norms that are trained whole."""
    arrays = {
        "diffusion_model.blocks.0.self_attn.q.lora_down.weight": values(2, 8),
        "diffusion_model.blocks.0.self_attn.q.lora_up.weight": values(8, 2),
        "diffusion_model.blocks.0.self_attn.q.diff_b": values(8),
        "diffusion_model.blocks.0.norm3.diff": values(8),
    }
    write_arrays(tmp_path / "a.safetensors", arrays)
    found = inspect(str(tmp_path / "a.safetensors"))
    assert (found.method, found.trainable_params, found.findings) == ("full,lora", 2 * 16 + 8 + 8, ())


def test_text_encoders_alone_are_found(tmp_path: Path) -> None:
    """Under ComfyUI's names for them."""
    name = "text_encoders.clip_l.transformer.text_model.encoder.layers.0.mlp.fc1"
    write_arrays(
        tmp_path / "a.safetensors", {f"{name}.lora_A.weight": values(2, 8), f"{name}.lora_B.weight": values(8, 2)}
    )
    assert [finding.code for finding in inspect(str(tmp_path / "a.safetensors")).findings] == ["text-encoder-alone"]


def test_a_forward_needs_the_weight_as_one(tmp_path: Path) -> None:
    """A checkpoint of diffusers has that of an attention in three parts, one for ComfyUI has it whole."""
    path, whole, split = written(tmp_path, "PEFT's"), tmp_path / "whole.safetensors", tmp_path / "split.safetensors"
    write_arrays(whole, {"model.diffusion_model.double_blocks.0.img_attn.qkv.weight": values(48, 16)})
    own = {f"transformer_blocks.0.attn.to_{part}.weight": values(16, 16) for part in "qkv"}
    marks = {"x_embedder.weight": values(16, 4), "single_transformer_blocks.0.proj_mlp.weight": values(64, 16)}
    write_arrays(split, own | marks)
    assert forward(weights=str(whole), adapter=path, module="double_blocks.0.img_attn.qkv").scaling == 1
    with pytest.raises(InvalidInput, match=r"is 'transformer_blocks\.0\.attn\.to_q', .* joined"):
        forward(weights=str(split), adapter=path, module="double_blocks.0.img_attn.qkv")
