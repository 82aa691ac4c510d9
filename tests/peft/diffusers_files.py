"""Adapter files that diffusers writes, and what it makes of a file when it loads it.

`drawn` writes a file of a tiny pipeline by `save_lora_weights`, or of one of its models by `save_lora_adapter`, in each
of the spellings that versions of diffusers have used. `loaded` loads one into fresh models.
`python tests/peft/diffusers_files.py` records some in tests/reference/diffusers_files.ndjson, for the tests that run
without torch. It needs the `peft` extra.
"""

from __future__ import annotations

import json
import math
import random
import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import diffusers
import peft
import torch
import transformers
from diffusers.loaders import (
    FluxLoraLoaderMixin,
    StableDiffusionLoraLoaderMixin,
    StableDiffusionXLLoraLoaderMixin,
)
from diffusers.training_utils import _collate_lora_metadata
from diffusers.utils import convert_state_dict_to_diffusers
from peft import LoraConfig
from peft.tuners.tuners_utils import BaseTunerLayer
from peft.utils import get_peft_model_state_dict
from safetensors import safe_open
from safetensors.torch import load_file
from small_models import FLUX
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from lora_cli.methods.adapter_file.formats.diffusers import part as part_of

sys.path.insert(0, str(Path(__file__).parent))
from seed import SEED

RECORDED = Path(__file__).parents[1] / "reference" / "diffusers_files.ndjson"
DRAWS = 60
WEIGHTS = "pytorch_lora_weights.safetensors"
UNET = {
    "_class_name": "UNet2DConditionModel",
    "attention_head_dim": 4,
    "block_out_channels": [8, 16],
    "cross_attention_dim": 16,
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"],
    "layers_per_block": 1,
    "norm_num_groups": 4,
    "sample_size": 8,
    "up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D"],
}
TEXT = {
    "bos_token_id": 0,
    "eos_token_id": 1,
    "hidden_size": 16,
    "intermediate_size": 24,
    "max_position_embeddings": 8,
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "projection_dim": 16,
    "vocab_size": 40,
}
IN_TEXT = ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2")
# Whether metadata is written beside the tensors, and how their keys are spelled.
PLAIN, METADATA, LORA_DOWN, PROCESSOR, ONE_MODEL = "plain", "metadata", "lora.down", "processor", "one model"
SPELLINGS = (PLAIN, METADATA, LORA_DOWN, PROCESSOR, ONE_MODEL)
TELL_ALPHA = (METADATA, ONE_MODEL)


class Pipeline(NamedTuple):
    """A pipeline's loader, its models as config.json files, and the ends of names that an adapter can target."""

    loader: Any
    models: Mapping[str, Mapping[str, Any]]
    targets: tuple[str, ...]


PIPELINES = {
    "stable-diffusion": Pipeline(
        StableDiffusionLoraLoaderMixin,
        {"unet": UNET, "text_encoder": {"architectures": ["CLIPTextModel"], **TEXT}},
        ("to_q", "to_k", "to_v", "to_out.0", "conv1", "conv2", "proj_in", "ff.net.0.proj", "time_emb_proj"),
    ),
    "stable-diffusion-xl": Pipeline(
        StableDiffusionXLLoraLoaderMixin,
        {
            "unet": UNET,
            "text_encoder": {"architectures": ["CLIPTextModel"], **TEXT},
            "text_encoder_2": {"architectures": ["CLIPTextModelWithProjection"], **TEXT, "hidden_size": 24},
        },
        ("to_q", "to_k", "to_v", "to_out.0"),
    ),
    "flux": Pipeline(
        FluxLoraLoaderMixin,
        {"transformer": FLUX, "text_encoder": {"architectures": ["CLIPTextModel"], **TEXT}},
        ("to_q", "to_k", "to_v", "to_out.0", "proj_mlp", "x_embedder", "ff.net.0.proj"),
    ),
}
# How the names of an attention's Linears were written by the processors of the oldest releases.
PROCESSORS = {
    f".{name}.lora_{factor}": f".processor.{name.removesuffix('.0')}_lora.{old}"
    for name in ("to_q", "to_k", "to_v", "to_out.0")
    for factor, old in (("A", "down"), ("B", "up"))
}


class Loaded(NamedTuple):
    """What diffusers has of one adapted module after it has loaded a file; `total` is the sum of A's and B's values."""

    r: int
    alpha: float
    scaling: float
    use_dora: bool
    params: int
    total: float


class Drawn(NamedTuple):
    """A file that diffusers has written: of which pipeline, and in which spelling."""

    path: Path
    pipeline: str
    spelling: str


def quiet() -> None:
    """Silence what diffusers and transformers say of each file: that it has nothing for some of the models."""
    diffusers.logging.set_verbosity(diffusers.logging.CRITICAL)
    transformers.logging.set_verbosity(transformers.logging.CRITICAL)
    transformers.logging.disable_progress_bar()


def model(config: Mapping[str, Any]) -> torch.nn.Module:
    """Build a model with random values."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if "_class_name" in config:
            cls = getattr(diffusers, config["_class_name"])
            return cls(**{name: value for name, value in config.items() if name != "_class_name"})
        classes: dict[str, Callable[..., torch.nn.Module]] = {
            each.__name__: each for each in (CLIPTextModel, CLIPTextModelWithProjection)
        }
        return classes[config["architectures"][0]](CLIPTextConfig(**config))


def drawn(folder: Path, source: random.Random) -> Drawn:
    """Write a file of some models of a pipeline, each with a LoRA of its own."""
    name = source.choice(list(PIPELINES))
    pipeline, spelling = PIPELINES[name], source.choice(SPELLINGS)
    first, *encoders = pipeline.models
    adapted = {}
    for part in (first, *(each for each in encoders if source.random() < 1 / 2)):
        adapted[part] = model(pipeline.models[part])
        targets = pipeline.targets if part == first else IN_TEXT
        adapted[part].add_adapter(LoraConfig(**_settings(targets, spelling, source)))
    _draw_values(adapted.values(), source)
    if spelling == ONE_MODEL:
        adapted[first].save_lora_adapter(str(folder))
        return Drawn(folder / WEIGHTS, name, spelling)
    layers = {part: _spelled(get_peft_model_state_dict(each), spelling) for part, each in adapted.items()}
    metadata = _collate_lora_metadata(adapted) if spelling == METADATA else {}
    given = {f"{part}_lora_layers": tensors for part, tensors in layers.items()}
    pipeline.loader.save_lora_weights(str(folder), **given, **metadata)
    return Drawn(folder / WEIGHTS, name, spelling)


def _settings(targets: tuple[str, ...], spelling: str, source: random.Random) -> dict[str, Any]:
    """Draw the fields of a LoraConfig; without metadata only those that the file itself tells."""
    # The older spellings have only attention, and diffusers refuses a text encoder without any.
    attention = [name for name in targets if name in IN_TEXT[:4] or name.startswith("to_")]
    chosen = source.sample(attention, source.randint(1, len(attention)))
    if spelling not in {LORA_DOWN, PROCESSOR}:
        chosen += [name for name in targets if name not in attention and source.random() < 1 / 2]
    rank = source.choice([1, 2, 4, 8])
    settings: dict[str, Any] = {"r": rank, "lora_alpha": rank, "target_modules": chosen, "init_lora_weights": False}
    if source.random() < 1 / 2:
        settings["rank_pattern"] = {name: source.choice([1, 3, 5]) for name in source.sample(chosen, 1)}
    if spelling in TELL_ALPHA:
        settings["lora_alpha"] = source.choice([1, 4, 16, 2.5])
        settings["use_rslora"] = source.random() < 1 / 4
        if source.random() < 1 / 2:
            settings["alpha_pattern"] = {name: source.choice([1, 3, 32]) for name in source.sample(chosen, 1)}
    settings["use_dora"] = spelling != PROCESSOR and source.random() < 1 / 5
    return settings


def _draw_values(models: Any, source: random.Random) -> None:
    """Give the adapters values, as DoRA's magnitudes follow from weights that may be zero."""
    torch.manual_seed(source.randrange(2**31))
    with torch.no_grad():
        for each in models:
            for name, parameter in each.named_parameters():
                if "lora_" in name:
                    parameter.copy_(torch.randn_like(parameter))


def _spelled(tensors: Mapping[str, torch.Tensor], spelling: str) -> dict[str, torch.Tensor]:
    """Spell the keys as an older version of diffusers did."""
    if spelling == LORA_DOWN:
        return dict(convert_state_dict_to_diffusers(dict(tensors)))
    if spelling != PROCESSOR:
        return dict(tensors)
    found = {}
    for key, values in tensors.items():
        old = next((old for new, old in PROCESSORS.items() if new in key), None)
        new = next((new for new in PROCESSORS if new in key), "")
        name = key.replace("lora_A", "lora_linear_layer.down").replace("lora_B", "lora_linear_layer.up")
        found[name if old is None else key.replace(new, old)] = values
    return found


def loaded(path: Path, name: str) -> dict[str, Loaded]:
    """Return what a pipeline of diffusers makes of a file, by module: its models' names stand before theirs.

    A file without these names is that of the pipeline's first model alone.
    """
    models = {part: model(config) for part, config in PIPELINES[name].models.items()}
    first, *_ = models
    if not any(key.startswith(f"{part}.") for key in load_file(path) for part in models):
        models[first].load_lora_adapter(str(path.parent), prefix=None, weight_name=path.name)
        return _modules(models[first], "")
    pipeline = type("Pipeline", (PIPELINES[name].loader,), {"hf_device_map": None, "components": {}, **models})()
    pipeline.load_lora_weights(str(path))
    return {key: value for part, each in models.items() for key, value in _modules(each, f"{part}.").items()}


def _modules(each: torch.nn.Module, prefix: str) -> dict[str, Loaded]:
    found = {}
    for name, layer in each.named_modules():
        if isinstance(layer, BaseTunerLayer):
            (adapter,) = layer.r
            own = {key: value for key, value in layer.named_parameters() if "lora_" in key}
            found[prefix + name] = Loaded(
                layer.r[adapter],
                float(layer.lora_alpha[adapter]),
                float(layer.scaling[adapter]),
                bool(layer.use_dora[adapter]),
                sum(value.numel() for value in own.values()),
                sum(map(_sum, (value for key, value in own.items() if "lora_A" in key or "lora_B" in key))),
            )
    return found


def _sum(values: torch.Tensor) -> float:
    """Return the sum of some values, NaN where diffusers has made a tensor for them and not loaded any."""
    return math.nan if values.is_meta else float(values.sum())


def sums(tensors: Mapping[str, torch.Tensor]) -> dict[str, float]:
    """Return the sum of the values of A and B of each module in a file."""
    found: dict[str, float] = {}
    for key, values in tensors.items():
        named = part_of(key)
        if named is not None and named.tensor.startswith(("lora_A", "lora_B")):
            found[named.module] = found.get(named.module, 0) + float(values.sum())
    return found


def recorded(file: Drawn) -> dict[str, Any]:
    """Return a file's header, and what diffusers makes of the file."""
    with safe_open(file.path, "pt") as opened:
        metadata = opened.metadata()
    return {
        "name": f"{file.pipeline}, {file.spelling}",
        "writer": f"diffusers {diffusers.__version__}, peft {peft.__version__}",
        "metadata": metadata,
        "tensors": {key: ["F32", list(values.shape)] for key, values in load_file(file.path).items()},
        "bytes": file.path.stat().st_size,
        "modules": {name: list(module[:4]) for name, module in loaded(file.path, file.pipeline).items()},
    }


def record() -> None:
    """Write the recorded reference anew: the smallest files of each pipeline and spelling."""
    cases: dict[str, dict[str, Any]] = {}
    for turn in range(DRAWS):
        with tempfile.TemporaryDirectory() as folder:
            file = drawn(Path(folder), random.Random(f"{SEED}/diffusers files/{turn}"))
            case = recorded(file)
        known = cases.get(case["name"])
        if known is None or len(case["tensors"]) < len(known["tensors"]):
            cases[case["name"]] = case
    RECORDED.write_text("".join(json.dumps(cases[name]) + "\n" for name in sorted(cases)))


if __name__ == "__main__":
    quiet()
    record()
