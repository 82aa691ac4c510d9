"""Drawn configs of every method, and what PEFT says of them on drawn models.

`DRAWS` has, for each method, the fields of its own and the values to draw from, put together from the files
of `method_draws`. `python tests/peft/methods.py` records some answers in tests/reference/methods.ndjson, for
the tests that run without torch. It needs the `peft` extra.
"""

from __future__ import annotations

import copy
import json
import random
import runpy
import sys
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import peft
import torch
import transformers
from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING

from lora_cli.analysis.count.model_count import count_model
from lora_cli.errors import InvalidInput
from lora_cli.methods.config.reading import read_adapter_config
from lora_cli.methods.registry import methods_of
from lora_cli.models.config import Config
from lora_cli.models.model import Model, read_config

sys.path.insert(0, str(Path(__file__).parent))
import adapters
import drawn

RECORDED = Path(__file__).parents[1] / "reference" / "methods.ndjson"
# How many cases of a method are recorded at least, and how many that PEFT did not refuse.
A_METHOD, COUNTED = 8, 3
# Some methods decompose the weights: a model whose sizes are the defaults would take minutes, and FRoD makes
# a square matrix of the larger side of each; RandLoRA's file has its bases with every module.
MOST_RANK, MOST_SIDE = 200, 300
# What is built with its values takes four bytes a parameter.
MOST_PARAMS = 10**8
DECOMPOSING = ("frod", "osf", "adamss", "psoft", "tinylora", "randlora")
# Together these have every kind of module that there is: Linear, Conv1D, Embedding, Conv1d and Conv2d.
MODELS = ("llama", "qwen2", "gpt2", "opt", "bert", "t5", "vit", "whisper", "gpt_neox", "mixtral", "bloom")
# What is drawn each time: sizes, and what has no default that works.
ALWAYS = ("r", "total_step", "num_virtual_tokens", "adapter_len", "adapter_layers", "task_type")
DRAWS: dict[str, Mapping[str, Sequence[Any]]] = {}
# The models that a method is counted on, where these are not all.
ONLY: dict[str, Sequence[str]] = {}

for path in sorted(Path(__file__).with_name("method_draws").glob("*.py")):
    drawn_here = runpy.run_path(str(path))
    DRAWS.update(drawn_here["DRAWS"])
    ONLY.update(drawn_here.get("ONLY", {}))

# A figure, and the size of the saved file in bytes.
Answer = tuple[int, int, int]


def drawn_case(method: str, source: random.Random) -> tuple[dict[str, Any], dict[str, Any]]:
    """Draw a config.json and an adapter_config.json of a method for it."""
    while True:
        model_type = source.choice(ONLY.get(method, MODELS))
        config = drawn.draw(model_type, adapters.classes(model_type)[:2], source)
        # Files are compared too, so the models are built with their values: small ones.
        config |= {"vocab_size": 64, "pad_token_id": 0} if model_type not in {"vit", "whisper", "mixtral"} else {}
        model = read_config(Config(config), "drawn")
        rank = max(min(module.d, module.h) for module in model.modules)
        side = max(max(module.d, module.h) for module in model.modules)
        if model.full_params <= MOST_PARAMS and rank <= MOST_RANK and (side <= MOST_SIDE or method not in DECOMPOSING):
            return config, settings(method, model, source)


def settings(method: str, model: Model, source: random.Random) -> dict[str, Any]:
    """Draw an adapter_config.json: targets that work mostly, and the method's own fields."""
    fields = {
        name: source.choice(values) for name, values in DRAWS[method].items() if name in ALWAYS or source.random() < 0.5
    }
    common = _common(model, source)
    if method not in methods_of("prompts"):
        common["target_modules"] = _targets(model, source)
    return {"peft_type": method.upper(), **common, **fields}


def _targets(model: Model, source: random.Random) -> Any:
    whole = [module.name for module in model.modules if module.kind in {"Linear", "Conv1D"}]
    linear = adapters.leaf_names(whole)
    every = adapters.leaf_names(module.name for module in model.modules)
    chosen = source.sample(linear, min(len(linear), source.randint(1, 3)))
    many = source.sample(whole, min(len(whole), source.randint(15, 40)))
    usual = [chosen, chosen, chosen, "all-linear", rf".*\.({'|'.join(chosen)})", many, None]
    return source.choice(usual if source.random() < 0.8 else [source.sample(every, 1), [source.choice(every), *chosen]])


def _common(model: Model, source: random.Random) -> dict[str, Any]:
    leaves = adapters.leaf_names(module.name for module in model.modules)
    rarely: dict[str, tuple[float, list[Any]]] = {
        "layers_to_transform": (0.2, [0, [1]]),
        "modules_to_save": (0.1, [[source.choice(leaves)], ["lm_head"]]),
        "bias": (0.1, ["all"]),
    }
    return {name: source.choice(values) for name, (often, values) in rarely.items() if source.random() < often}


def theirs(model_config: dict[str, Any], adapter: dict[str, Any]) -> Answer | Exception:
    """Return PEFT's two figures and the size of the file that it saves, or how it refused."""
    fields = copy.deepcopy({name: value for name, value in adapter.items() if name != "peft_type"})
    config_class = PEFT_TYPE_TO_CONFIG_MAPPING[adapter["peft_type"]]
    # What a config does not have, PEFT drops with a warning when it reads the file.
    fields = {name: value for name, value in fields.items() if name in config_class.__dataclass_fields__}
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")
        try:
            model = adapters.wrapped(model_config, config_class(**fields), "cpu")
            figures = model.get_nb_trainable_parameters()
            model.save_pretrained(folder)
        except (
            ValueError,
            TypeError,
            KeyError,
            AttributeError,
            RuntimeError,
            AssertionError,
            IndexError,
            NotImplementedError,
        ) as error:
            return error
        return (*figures, (Path(folder) / "adapter_model.safetensors").stat().st_size)


def ours(model_config: dict[str, Any], adapter: dict[str, Any]) -> tuple[int, int, int | None] | InvalidInput:
    """Return the same as they are counted here, the size None where it is not known, or how that was refused."""
    try:
        read, _ = read_adapter_config(Config(adapter, "adapter_config.json"))
        cost = count_model(read_config(Config(model_config), "drawn"), read)
    except InvalidInput as refusal:
        return refusal
    return cost.trainable_params, cost.all_params, cost.adapter_bytes


def record() -> None:
    """Write the recorded reference anew."""
    versions = f"peft {peft.__version__}, transformers {transformers.__version__}, torch {torch.__version__}"
    lines = [json.dumps({"made by": "python tests/peft/methods.py", "with": versions})]
    for method in DRAWS:
        turn = counted = 0
        while turn < A_METHOD or counted < COUNTED:
            config, adapter = drawn_case(method, random.Random(f"recorded/{method}/{turn}"))
            answer = theirs(config, adapter)
            figures = None if isinstance(answer, Exception) else answer
            turn, counted = turn + 1, counted + (figures is not None)
            lines.append(json.dumps({"config": config, "adapter": adapter, "figures": figures}))
    RECORDED.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    record()
