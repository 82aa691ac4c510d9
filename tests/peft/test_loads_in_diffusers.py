"""Files for a Stable Diffusion pipeline: what diffusers itself refuses, or loads otherwise, `check --loads-in` says."""

from __future__ import annotations

import json
import random
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import UNet2DConditionModel
from diffusers.loaders import StableDiffusionLoraLoaderMixin
from peft import LoraConfig, get_peft_model_state_dict
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel, T5Config, T5EncoderModel

from lora_cli import InvalidInput
from lora_cli.analysis.inspect.inspect import inspect
from lora_cli.analysis.loaders.destination import read_destinations

sys.path.insert(0, str(Path(__file__).parent))
from seed import SEED

CASES = 60
UNET = {
    "block_out_channels": (8, 16),
    "layers_per_block": 1,
    "sample_size": 8,
    "norm_num_groups": 4,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
    "cross_attention_dim": 8,
    "attention_head_dim": 4,
}
TEXT = {"hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": 64}
ATTENTION = ("to_q", "to_k", "to_v", "to_out.0")
Tensors = dict[str, torch.Tensor]


class Pipeline(StableDiffusionLoraLoaderMixin):
    """What the loader needs of a pipeline: a UNet and a text encoder."""

    hf_device_map = None

    def __init__(self, *, clip: bool) -> None:
        self.unet = UNet2DConditionModel(**UNET)  # type: ignore[arg-type]
        t5 = T5Config(d_model=8, d_kv=4, d_ff=16, num_layers=1, num_heads=2, vocab_size=64)
        self.text_encoder = CLIPTextModel(CLIPTextConfig(**TEXT)) if clip else T5EncoderModel(t5)
        self.components: dict[str, object] = {}


class Case:
    """A file of LoRA for some modules, and the updates that it means, by part and module."""

    def __init__(self, source: random.Random) -> None:
        self.kohya = source.random() < 0.6
        self.old_names = source.random() < 0.3
        self.pipeline = Pipeline(clip=self.kohya or source.random() < 0.8)
        self.tensors: Tensors = {}
        # By part and module: the product of B and A by the rank, and the key of the alpha beside the rank.
        self.updates: dict[tuple[str, str], torch.Tensor] = {}
        self.alphas: dict[tuple[str, str], tuple[str, int]] = {}
        # One rank and one alpha, or one for each module; diffusers takes an alpha from kohya's files alone.
        r, alpha = source.choice([2, 4]), source.choice([None, 1.0, 4.0])
        for part, module in self._modules(source):
            own = source.choice([1, 3]) if source.random() < 0.2 else r
            self._add(part, module, own, alpha if self.kohya else None)

    def _modules(self, source: random.Random) -> list[tuple[str, str]]:
        unet = [name for name, _ in self.pipeline.unet.named_modules() if name.endswith(ATTENTION)]
        chosen = [("unet", name) for name in source.sample(unet, 4)]
        if self.old_names or source.random() < 0.5:
            return chosen
        leaves = (".q_proj", ".v_proj", ".fc1", ".q", ".v")
        text = [name for name, _ in self.pipeline.text_encoder.named_modules() if name.endswith(leaves)]
        # transformers 5 dropped the part that files have.
        return chosen + [("text_encoder", name) for name in source.sample(text, 2)]

    def _add(self, part: str, module: str, r: int, alpha: float | None) -> None:
        weight = getattr(self.pipeline, part).get_submodule(module).weight
        a, b = torch.randn(r, weight.shape[1]), torch.randn(weight.shape[0], r)
        full = module if part == "unet" or not module.startswith("encoder.layers") else f"text_model.{module}"
        name = f"lora_{'unet' if part == 'unet' else 'te'}_{full.replace('.', '_')}" if self.kohya else f"{part}.{full}"
        names = (
            ("lora_down", "lora_up")
            if self.kohya
            else ("lora.down", "lora.up")
            if self.old_names
            else ("lora_A", "lora_B")
        )
        self.tensors |= {f"{name}.{side}.weight": tensor for side, tensor in zip(names, (a, b), strict=True)}
        self.tensors |= {} if alpha is None else {f"{name}.alpha": torch.tensor(alpha)}
        self.updates[part, module] = b @ a / r
        self.alphas[part, module] = f"{name}.alpha", r

    def loads(self, path: Path, tensors: Tensors) -> bool:
        """Whether diffusers takes the file, and the updates are those that it means; a missing alpha is the rank."""
        try:
            self.pipeline.load_lora_weights(str(path))
        except Exception:  # noqa: BLE001 - a file that does not fit raises anything
            return False
        for (part, module), meant in self.updates.items():
            layer: Any = getattr(self.pipeline, part).get_submodule(module)
            if not hasattr(layer, "lora_A") or "default_0" not in layer.lora_A:
                return False
            alpha, r = self.alphas[part, module]
            scaled = meant * (tensors[alpha].item() if alpha in tensors else r)
            update = layer.get_delta_weight("default_0")
            if update.is_meta or not torch.allclose(update, scaled, atol=1e-5):
                return False
        return True


def _without(ending: str) -> Callable[[Tensors, random.Random], Tensors]:
    def damage(tensors: Tensors, source: random.Random) -> Tensors:
        found = [key for key in tensors if key.endswith(ending)]
        left_out = source.choice(found) if found else ""
        return {key: tensor for key, tensor in tensors.items() if key != left_out}

    return damage


def _beside(ending: str) -> Callable[[Tensors, random.Random], Tensors]:
    def damage(tensors: Tensors, source: random.Random) -> Tensors:
        module = source.choice([*tensors]).partition(".lora")[0].removesuffix(".alpha")
        return tensors | {f"{module}.{ending}": torch.ones(8, 1)}

    return damage


def _renamed(prefix: str) -> Callable[[Tensors, random.Random], Tensors]:
    return lambda tensors, _: {
        f"{prefix}{key.removeprefix('unet.').removeprefix('text_encoder.')}": tensor for key, tensor in tensors.items()
    }


def _one_renamed(tensors: Tensors, source: random.Random) -> Tensors:
    renamed = source.choice([key for key in tensors if ".lora" in key])
    return {(f"stray.{key}" if key == renamed else key): tensor for key, tensor in tensors.items()}


def _stray(tensors: Tensors, _: random.Random) -> Tensors:
    return tensors | {f"foo.bar.lora_{side}.weight": torch.ones(2, 2) for side in ("down", "up")}


# What is done to the file, most often nothing.
DAMAGES: list[Callable[[Tensors, random.Random], Tensors]] = [
    *[lambda tensors, _: tensors] * 6,
    _without(".alpha"),
    _without("up.weight"),
    _without("down.weight"),
    _beside("hada_w1_a"),
    _beside("diff"),
    _beside("dora_scale"),
    _renamed(""),
    _renamed("base_model.model."),
    _one_renamed,
    _stray,
]


@pytest.mark.parametrize("turn", range(CASES))
def test_what_diffusers_loads_passes_and_what_it_does_not_fails(turn: int, tmp_path: Path) -> None:
    """With kohya's keys and with diffusers' own, new and old, for a UNet alone and with a text encoder."""
    source = random.Random(f"{SEED}/diffusers/{turn}")
    torch.manual_seed(turn)
    case = Case(source)
    damage = source.choice(DAMAGES)
    tensors = damage(case.tensors, source)
    # A DoRA magnitude changes the update, and what is named foo is loaded into nothing.
    changed = any("dora_scale" in key or key.startswith("foo.") for key in tensors)
    path = tmp_path / "adapter_model.safetensors"
    save_file({key: tensor.contiguous() for key, tensor in tensors.items()}, path)
    if not case.kohya:
        (tmp_path / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 2, "lora_alpha": 2}))
    with warnings.catch_warnings(action="ignore"):
        loads = case.loads(path, tensors) and not changed
    assert loads == (not _refused(path)), f"seed {SEED}, turn {turn}: {[*tensors]}"


def _refused(path: Path) -> list[str]:
    """Return why a file would not load as it is: what is found, or that it is not an adapter."""
    (destination,) = read_destinations(["diffusers"])
    try:
        found = destination.findings(inspect(str(path)))
    except InvalidInput as error:
        return [str(error)]
    return [each.sentence() for each in found if destination.refuses(each)]


@pytest.mark.parametrize(("part", "target"), [("unet", "to_q"), ("text_encoder", "q_proj")])
def test_magnitudes_of_a_text_encoder_are_not_loaded(part: str, target: str, tmp_path: Path) -> None:
    """Those of the UNet are, and of each of them `check` says which."""
    torch.manual_seed(0)
    trained, other = Pipeline(clip=True), Pipeline(clip=True)
    layers = {}
    for each, ending in {"unet": "to_q", part: target}.items():
        config = LoraConfig(r=2, target_modules=[ending], use_dora=each == part, init_lora_weights=False)
        getattr(trained, each).add_adapter(config)
        layers[f"{each}_lora_layers"] = get_peft_model_state_dict(getattr(trained, each))
    StableDiffusionLoraLoaderMixin.save_lora_weights(str(tmp_path), **layers)
    path = tmp_path / "pytorch_lora_weights.safetensors"
    other.load_lora_weights(str(path))
    saved, loaded = (
        {name: value for name, value in getattr(each, part).named_parameters() if "magnitude" in name}
        for each in (trained, other)
    )
    equal = [torch.equal(one, two) for one, two in zip(saved.values(), loaded.values(), strict=True)]
    assert equal == [part == "unet"] * len(equal)
    assert [reason.rpartition("[")[2] for reason in _refused(path)] == ([] if part == "unet" else ["diffusers-dora]"])


SPELLINGS = (("lora_A", "lora_B"), ("lora.down", "lora.up"), ("lora_linear_layer.down", "lora_linear_layer.up"))


@pytest.mark.parametrize("part", ["unet", "text_encoder"])
@pytest.mark.parametrize(("a", "b"), [*SPELLINGS, ("lora_down", "lora_up")])
def test_each_part_has_its_spellings(part: str, a: str, b: str, tmp_path: Path) -> None:
    """A UNet and a text encoder know others of A and B; the other part is spelled as PEFT does."""
    pipeline, tensors = Pipeline(clip=True), {}
    for each, leaf in (("unet", "attn1.to_q"), ("text_encoder", "q_proj")):
        name = next(name for name, _ in getattr(pipeline, each).named_modules() if name.endswith(leaf))
        weight = getattr(pipeline, each).get_submodule(name).weight
        full = f"text_model.{name}" if name.startswith("encoder.layers") else name
        first, second = (a, b) if each == part else SPELLINGS[0]
        tensors[f"{each}.{full}.{first}.weight"] = torch.randn(2, weight.shape[1])
        tensors[f"{each}.{full}.{second}.weight"] = torch.randn(weight.shape[0], 2)
    path = tmp_path / "pytorch_lora_weights.safetensors"
    save_file(tensors, path)
    try:
        pipeline.load_lora_weights(str(path))
    except (IndexError, ValueError):
        loads = False
    else:
        loads = True
    assert loads == (not _refused(path))


@pytest.mark.parametrize("alpha", [True, False])
def test_kohyas_alphas_are_refused_beside_a_config_of_diffusers(alpha: bool, tmp_path: Path) -> None:
    """Of a file that was converted with its metadata."""
    pipeline = Pipeline(clip=True)
    name = next(name for name, _ in pipeline.unet.named_modules() if name.endswith("attn1.to_q"))
    weight, module = pipeline.unet.get_submodule(name).weight, f"lora_unet_{name.replace('.', '_')}"
    tensors = {f"{module}.lora_down.weight": torch.randn(2, weight.shape[1])}  # type: ignore[arg-type, index]
    tensors[f"{module}.lora_up.weight"] = torch.randn(weight.shape[0], 2)  # type: ignore[arg-type, index]
    tensors |= {f"{module}.alpha": torch.tensor(1.0)} if alpha else {}
    config = {"unet.r": 2, "unet.lora_alpha": 2, "unet.target_modules": ["to_q"]}
    path = tmp_path / "style.safetensors"
    save_file(tensors, path, metadata={"lora_adapter_metadata": json.dumps(config)})
    if alpha:
        with pytest.raises(ValueError, match="Both `network_alphas` and `metadata` cannot be specified"):
            pipeline.load_lora_weights(str(path))
    else:
        pipeline.load_lora_weights(str(path))
    assert bool(_refused(path)) is alpha
