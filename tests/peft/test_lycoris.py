"""Files that lycoris-lora writes, read here and by itself: ranks, alphas, scalings, parameters, bytes and spectra."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import UNet2DConditionModel
from diffusers.loaders.lora_conversion_utils import _convert_unet_lora_key, _maybe_map_sgm_blocks_to_diffusers
from lycoris import create_lycoris_from_weights
from safetensors.torch import load_file, save_file

from lora_cli import inspect
from lora_cli.analysis.inspect.spectrum import spectrum
from lora_cli.methods.adapter_file.published.sgm import sgm_names
from lora_cli.methods.adapter_file.read_adapter import read_adapter

sys.path.insert(0, str(Path(__file__).parent))
import lycoris_files
from seed import SEED, turns

# What lycoris 4.1.3 writes and does not load again: it takes a side of LoKr's core for the rank, gives IA3 too many
# tensors, takes DoRA's magnitude for that of the outputs, and gives a convolution DyLoRA's B of two axes.
UNLOADABLE = {"lokr with a core", "ia3", "dora on inputs", "dylora"}


def equal(ours: object, theirs: float | None) -> bool:
    """Whether two numbers are the same, as far as a file in half precision keeps them."""
    return theirs is ours is None or (None not in (ours, theirs) and ours == pytest.approx(theirs, rel=2**-7))


def drawn(case: str, turn: int) -> dict[str, Any]:
    """Return sizes for a case, those of the case itself first."""
    chosen = random.Random(f"{SEED} {case} {turn}")
    if not turn or "low-rank" in case:
        return {}
    return {
        "linear_dim": chosen.choice([1, 2, 3, 4, 8]) * (2 if case == "dylora" else 1),
        "conv_dim": chosen.choice([2, 4, 6]),
        "linear_alpha": chosen.choice([0.5, 1, 3, 8, 16]),
        "conv_alpha": chosen.choice([1, 2, 7]),
    }


@pytest.mark.parametrize("case", lycoris_files.CASES)
@pytest.mark.parametrize("turn", turns(30))
def test_modules_are_those_that_lycoris_wrote(case: str, turn: int, tmp_path: Path) -> None:
    """Each with its algorithm's sizes; nothing is wrong with any of them."""
    path = tmp_path / "file.safetensors"
    try:
        written = lycoris_files.write(path, case, turn, **drawn(case, turn))
    except ValueError as refusal:
        pytest.skip(str(refusal))
    found = inspect(str(path))
    ours = {str(record["name"]): record for record in found.modules}
    assert ours.keys() == {module["name"] for module in written}
    for module in written:
        record = ours[module["name"]]
        assert equal(record["scaling"], module["scaling"])
        if record["r"] is not None:
            assert record["r"] == module["r"]
            assert equal(record["alpha"], module["alpha"])
    assert found.trainable_params == sum(module["trained"] for module in written)
    stored = load_file(path)
    assert found.file_params == sum(tensor.numel() for tensor in stored.values())
    assert found.adapter_bytes == path.stat().st_size
    assert not [each for each in found.findings if not each.code.startswith("rank-past")], found.findings


@pytest.mark.parametrize("case", sorted(lycoris_files.CASES.keys() - UNLOADABLE))
def test_modules_are_those_that_lycoris_loads(case: str, tmp_path: Path) -> None:
    """What it knows of a file, which is all that a user of the file has."""
    path = tmp_path / "file.safetensors"
    lycoris_files.write(path, case)
    ours = {str(record["name"]): record for record in inspect(str(path)).modules}
    loaded = lycoris_files.loaded(path)
    assert ours.keys() >= {module["name"] for module in loaded}
    assert loaded
    for module in loaded:
        record = ours[module["name"]]
        assert equal(record["scaling"], module["scaling"])
        assert record["r"] in (None, module["r"])


@pytest.mark.parametrize("case", ["lora", "locon", "a mixture"])
def test_spectra_are_those_of_the_updates_that_lycoris_makes(case: str, tmp_path: Path) -> None:
    """The singular values of `get_diff_weight`, a convolution's kernel unrolled."""
    path = tmp_path / "file.safetensors"
    lycoris_files.write(path, case)
    with torch.no_grad():
        network, _ = create_lycoris_from_weights(1.0, str(path), lycoris_files.Network())
        updates = {lora.lora_name: lora for lora in network.loras if lora.name == "locon"}
        found = spectrum(read_adapter(path))
        assert {module.module for module in found.modules} == updates.keys()
        for module in found.modules:
            update = updates[module.module].get_diff_weight()[0]
            singular = torch.linalg.svdvals(update.reshape(update.shape[0], -1).double()).numpy()
            assert module.norm == pytest.approx(np.sqrt((singular**2).sum()), rel=1e-5)
            shares = singular**2 / (singular**2).sum()
            np.testing.assert_allclose(module.energy, shares[: len(module.energy)], rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("alpha", [0.0, None])
def test_an_alpha_of_zero_or_none_is_the_rank(alpha: float | None, tmp_path: Path) -> None:
    """Of zero lycoris makes the rank; of a missing one sd-scripts does, and lycoris does not load it."""
    path = tmp_path / "file.safetensors"
    lycoris_files.write(path, "lora")
    tensors = load_file(path)
    for key in [key for key in tensors if key.endswith(".alpha")]:
        del tensors[key]
        if alpha is not None:
            tensors[key] = torch.tensor(alpha)
    save_file(tensors, path)
    ours = inspect(str(path))
    assert {record["scaling"] for record in ours.modules} == {1.0}
    if alpha is None:
        with pytest.raises(TypeError):
            lycoris_files.loaded(path)
        assert ours.findings == ()
    else:
        assert {module["scaling"] for module in lycoris_files.loaded(path)} == {1.0}
        assert [each.code for each in ours.findings] == ["unusual-alpha"]


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("attended", ["first", "second", "both"])
def test_sgms_names_are_those_that_diffusers_converts(layers: int, attended: str) -> None:
    """Each name of the model comes back from diffusers' own conversion of the name that sgm has for it."""
    with_attention = [attended != "second", attended != "first"]
    unet = UNet2DConditionModel(
        block_out_channels=(16, 32),
        down_block_types=tuple("CrossAttnDownBlock2D" if each else "DownBlock2D" for each in with_attention),
        up_block_types=tuple("CrossAttnUpBlock2D" if each else "UpBlock2D" for each in reversed(with_attention)),
        layers_per_block=layers,
        norm_num_groups=8,
        cross_attention_dim=8,
        attention_head_dim=4,
    )
    names = [name for name, module in unet.named_modules() if isinstance(module, torch.nn.Linear | torch.nn.Conv2d)]
    ours = sgm_names([name for name, _ in unet.named_modules()])
    by_own = {own: name for own, name in ours.items() if name in names}
    assert set(by_own.values()) == set(names)
    for own, name in by_own.items():
        key = f"lora_unet_{own.replace('.', '_')}"
        (mapped,) = _maybe_map_sgm_blocks_to_diffusers({key: torch.zeros(1)}, unet.config)
        # An upsampler without an attention before it is taken for one.
        if "upsamplers" not in name or attended != "first":
            assert _convert_unet_lora_key(mapped).replace(".processor.to.", ".to_") == name, own


def test_what_was_recorded_is_what_is_written_now() -> None:
    """`python tests/peft/lycoris_files.py` records it again."""
    assert json.loads(lycoris_files.RECORDED.read_text(encoding="utf-8")) == lycoris_files.record()
