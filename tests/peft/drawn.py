"""Random config.json files for each family, and what transformers or diffusers builds from them.

`DRAWS` has, for each model type and each class of diffusers, the fields that change its sizes and the values to draw
from, where fields that belong together are one entry: a tuple of names with tuples of values. It is put together from
here and the files of `draws`. Some fields are left out now and then; those with a tuple of values never are. A section is
a mapping of its own fields, or a tuple of such mappings. Small sizes are enough: what is compared is every parameter's
name and shape, not how long it takes.
"""

from __future__ import annotations

import random
import runpy
import warnings
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from transformers import AutoConfig

from lora_cli.models.registry import family

Fields = Mapping[Any, Any]

DRAWS: dict[str, Fields] = {
    "llama": {
        "hidden_size": [16, 64, 96],
        "intermediate_size": [24, 40],
        "num_hidden_layers": [1, 2, 3],
        "num_attention_heads": [4, 8],
        "num_key_value_heads": [None, 1, 4],
        "head_dim": [None, 6],
        "vocab_size": [50, 77],
        "attention_bias": [True, False],
        "mlp_bias": [True, False],
        "tie_word_embeddings": [True, False],
        "num_labels": [1, 5],
    },
}

# The fields, with a value for each, without which transformers builds no model of a type.
NEEDED: dict[str, Mapping[str, Any]] = {}
# Models with a tower of timm, which needs a torchvision that matches torch: both are to be installed by hand.
OF_TIMM = ("gemma3n", "gemma3n_vision")
# Fields that are drawn each time, because their sizes must agree.
ALWAYS: dict[str, Sequence[str]] = {}

for path in sorted(Path(__file__).with_name("draws").glob("*.py")):
    written = runpy.run_path(str(path))
    DRAWS.update(written["DRAWS"])
    NEEDED.update(written.get("NEEDED", {}))
    ALWAYS.update(written.get("ALWAYS", {}))


def draw(model_type: str, classes: Sequence[str], source: random.Random) -> dict[str, Any]:
    """Draw a config.json of a family: some fields, one of its classes, and now and then a default.

    Without `classes`, the `model_type` is itself a class of diffusers.
    """
    if not classes:
        return {"_class_name": model_type, **drawn_fields(DRAWS[model_type], source, ALWAYS.get(model_type, ()))}
    needed = deepcopy(dict(NEEDED.get(model_type, {})))
    config = drawn_fields(DRAWS[model_type], source, family(model_type).required)
    return {"model_type": model_type, "architectures": [source.choice(classes)], **needed, **config}


def drawn_fields(fields: Fields, source: random.Random, required: Sequence[str] = ()) -> dict[str, Any]:
    """Draw some of the fields, those that are always there, and each section."""
    config: dict[str, Any] = {}
    for name, values in fields.items():
        if isinstance(values, Mapping):
            config[name] = drawn_fields(values, source)
        elif isinstance(name, tuple):
            config.update(zip(name, source.choice(values), strict=True))
        elif isinstance(values, tuple):
            value = source.choice(values)
            config[name] = drawn_fields(value, source) if isinstance(value, Mapping) else value
        elif source.random() < 0.9 or "num_" in name or name in required:
            config[name] = source.choice(values)
    return config


def skip_without_timm(model_type: str) -> None:
    """Skip the test of a model that needs timm where it is not installed."""
    if model_type in OF_TIMM:
        pytest.importorskip("timm")


def build(config: Mapping[str, Any], device: str = "meta") -> torch.nn.Module:
    """Build the model of a config.json, by default without values, as `from_pretrained` would before it loads weights."""
    if "_class_name" in config:
        return _component(config, device)
    fields = {name: deepcopy(value) for name, value in config.items() if name not in {"model_type", "architectures"}}
    skip_without_timm(config["model_type"])
    with warnings.catch_warnings(), torch.device(device):
        warnings.simplefilter("ignore")
        model_class = getattr(transformers, config["architectures"][0])
        read = AutoConfig.for_model(config["model_type"], **fields)
        # Where config.json names a type, `from_pretrained` makes the model of it.
        return model_class._from_config(read) if read.dtype is not None else model_class(read)


def _component(config: Mapping[str, Any], device: str) -> torch.nn.Module:
    """Build a class of diffusers, in the type that its loader would be asked for."""
    import diffusers

    diffusers.logging.set_verbosity_error()
    read = deepcopy(dict(config))
    dtype = read.pop("dtype", None) or "float32"
    with torch.device(device):
        built = getattr(diffusers, config["_class_name"]).from_config(read)
    return built.to(getattr(torch, dtype))


def shapes(model: torch.nn.Module) -> dict[str, tuple[int, ...]]:
    """Return every parameter's name and shape, a tied one under each of its names."""
    return {name: tuple(value.shape) for name, value in model.named_parameters(remove_duplicate=False)}


def names(model: torch.nn.Module) -> set[str]:
    """Return the names of all modules within the model, also of those without parameters."""
    return {name for name, _ in model.named_modules() if name}


def lists(model: torch.nn.Module) -> set[str]:
    """Return the names of the lists and the dicts of modules."""
    kinds = torch.nn.ModuleList | torch.nn.ModuleDict
    return {name for name, module in model.named_modules() if isinstance(module, kinds)}


def kinds(model: torch.nn.Module) -> dict[str, str]:
    """Return the modules that an adapter can be put on, by name, with their kind."""
    known = {"Linear", "Conv1D", "Embedding", "Conv1d", "Conv2d", "Conv3d", "MultiheadAttention"}
    found = {}
    for name, module in model.named_modules():
        for kind in type(module).__mro__:
            if kind.__name__ in known:
                found[name] = kind.__name__
                break
    return found


def embeddings(model: torch.nn.Module) -> str | None:
    """Return the name of the input embeddings; a model of two towers and one of timm have none."""
    try:
        found = model.get_input_embeddings()
    except NotImplementedError:
        return None
    return found and next(name for name, module in model.named_modules() if module is found)


def total(model: torch.nn.Module) -> int:
    """Return the number of parameters, tied ones once."""
    return sum(value.numel() for value in model.parameters())
