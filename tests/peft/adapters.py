"""Drawn adapter_config.json files, and what PEFT says of them on drawn models.

`python tests/peft/adapters.py` records some in tests/reference/lora_on_models.ndjson, for the tests
that run without torch. It needs the `peft` extra and timm.
"""

from __future__ import annotations

import copy
import json
import random
import sys
import warnings
from collections.abc import Iterable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import peft
import safetensors
import torch
import transformers

from lora_cli.errors import InvalidInput
from lora_cli.methods.config.adapter_config import TASK_HEADS, TASKS
from lora_cli.models.config import Config
from lora_cli.models.model import Model, read_config
from lora_cli.models.registry import find_family, model_types

sys.path.insert(0, str(Path(__file__).parent))
import drawn

RECORDED = Path(__file__).parents[1] / "reference" / "lora_on_models.ndjson"
# So many of a family, and more until PEFT accepts one.
A_FAMILY = 4
MOST_DECOMPOSED = 20_000_000
ODD = 0.25
STARTS = [
    False,
    None,
    "gaussian",
    "pissa",
    "pissa_niter_2",
    "pissa_niter_x",
    "olora",
    "orthogonal",
    "mica",
    "eva",
    "lora_ga",
    "no",
]


def classes(model_type: str) -> list[str]:
    """Return the classes that a family can be built as; a class of diffusers has no others."""
    found = find_family(model_type)
    return list(found.classes) if found else []


def leaf_names(names: Iterable[str]) -> list[str]:
    """Return the last parts of names, each once, but for numbers."""
    leaves = {name.rpartition(".")[2] for name in names}
    return sorted(leaf for leaf in leaves if leaf and not leaf.isdigit())


def drawn_model(model_type: str, source: random.Random) -> tuple[dict[str, Any], Model]:
    """Draw a config.json and return it with its model. That a class refuses what is refused here is compared elsewhere."""
    while True:
        config = drawn.draw(model_type, classes(model_type), source)
        with suppress(InvalidInput):
            return config, read_config(Config(config), "drawn")


def drawn_case(model_type: str, source: random.Random) -> tuple[dict[str, Any], dict[str, Any]]:
    """Draw a config.json and an adapter_config.json for it; a start that decomposes weights finds small ones."""
    while True:
        config, model = drawn_model(model_type, source)
        adapter = settings(model, source)
        if "init_lora_weights" not in adapter or model.full_params <= MOST_DECOMPOSED:
            return config, adapter


def settings(model: Model, source: random.Random, more: float = 1.0) -> dict[str, Any]:
    """Draw an adapter_config.json for a model: mostly what people write, now and then what PEFT refuses.

    What is drawn now and then is drawn `more` times as often.
    """
    leaves = sorted({module.name.rsplit(".", 1)[-1] for module in model.modules})
    linear = leaf_names(module.name for module in model.modules if module.kind in {"Linear", "Conv1D"}) or leaves
    convolved = leaf_names(module.name for module in model.modules if module.kernel) or linear
    whole = sorted(module.name for module in model.modules)
    above = sorted({name.rsplit(".", depth)[0] for name in whole for depth in (1, 2, 3)})
    numbers = sorted({part for name in whole for part in name.split(".") if part.isdigit()})
    hollow = sorted(module.name for module in model.hollow if not module.is_list)
    empty = leaf_names(hollow)
    # Where an empty one stands, or what it stands beside.
    around = leaf_names(name.rpartition(".")[0] for name in hollow) or leaves
    parameters = sorted(
        {
            p.name.rsplit(".", 2)[-2] + "." + p.name.rsplit(".", 2)[-1]
            for p in model.all_parameters()
            if p.name.count(".") > 1
        }
    )

    def some(values: list[str], most: int = 3) -> list[str]:
        return source.sample(values, min(len(values), source.randint(1, most)))

    usual = [
        "all-linear",
        some(linear),
        some(linear),
        some(leaves),
        some(whole),
        None,
        rf".*\.({'|'.join(some(linear))})",
        [*some(linear), "matches_nothing"],
    ]
    # What reaches embeddings, convolutions, and modules that hold nothing, most of it refused.
    odd = [
        [*some(linear), source.choice(["embed_tokens", "lm_head"])],
        rf".*({'|'.join(some(linear))}|embed_tokens|lm_head)",
        some(convolved),
        [*some(linear), source.choice(empty)],
        rf".*\.{source.choice(empty)}",
        rf".*{source.choice(around)}.*",
        *(rf".*\b{part}\.[^.]*" for part in some(around)),
    ]
    # What is drawn now and then: how often, and what as.
    rarely: dict[str, tuple[float, list[Any]]] = {
        "exclude_modules": (
            0.2,
            [some(linear), some(whole), ".*0.*", empty, some(empty), some(hollow), rf".*({'|'.join(empty)})"],
        ),
        "layers_to_transform": (0.15, [0, [0], [1], [0, 2], [7]]),
        "layers_pattern": (0.04, ["layers", ["layer", "layers"], "h"]),
        "rank_pattern": (
            0.25,
            [{source.choice([*linear, *whole, "nowhere"]): 3, rf".*\.{source.choice(linear)}": 5}],
        ),
        "layer_replication": (
            0.08,
            [[[0, 1], [0, 1]], [[0, 2], [1, 2]], [[-1, 0]], [[0, 1], [1, 0]], [[0, 9]]],
        ),
        "modules_to_save": (
            0.25,
            [
                some([*leaves, "norm", "lm_head"], 2),
                some(["embed_tokens", "lm_head"]),
                [*some(numbers or leaves, 2), *some(leaves), *some(above)],
                some(empty, 2),
                some(hollow, 2),
                [*some(leaves, 1), *some(empty, 1)],
                some(around, 1),
            ],
        ),
        "ensure_weight_tying": (0.15, [True]),
        "init_lora_weights": (0.15, STARTS),
        "velora_config": (0.03, [{}, {"num_groups": 4}]),
        "alora_invocation_tokens": (0.03, [[1, 2], []]),
        "use_rslora": (0.05, [True]),
        "bias": (0.2, ["all", "lora_only"]),
        "lora_bias": (0.15, [True]),
        "use_dora": (0.15, [True]),
        "trainable_token_indices": (
            0.1,
            [[0, 1, 5], [3], [], {source.choice(leaves): [1]}, {"embed_tokens": [1, 2], source.choice(leaves): [1, 2]}],
        ),
        "target_parameters": (0.15, [some(parameters, 2)]),
        "task_type": (0.2, list(TASKS)),
    }
    config = {
        "peft_type": "LORA",
        "r": source.choice([1, 2, 4, 8]),
        "target_modules": source.choice(odd if source.random() < ODD else usual),
    }
    config |= {
        name: source.choice(values) for name, (often, values) in rarely.items() if source.random() < often * more
    }
    # Rows of what is inside a copy of a copy: PEFT saves several tensors under one key, and keeps one of them.
    if not set(above).isdisjoint(config.get("modules_to_save", ())):
        config.pop("trainable_token_indices", None)
    # For tasks with a head PEFT looks for full copies twice, and copies anew what is trained inside a copy, or what it
    # put around the model itself: refused here.
    heads = TASK_HEADS.get(config.get("task_type", ""), ())
    entries = (*config.get("modules_to_save", ()), *heads)
    copied = [name for name in model.module_names if name.endswith(entries)]
    nested = any(inner.startswith(f"{outer}.") for outer in copied for inner in copied)
    rows_and_copies = {"trainable_token_indices", "modules_to_save"} <= config.keys()
    if heads and (nested or rows_and_copies or "model" in entries):
        config.pop("task_type")
    # PEFT copies the weight beneath each adapter, too: refused here.
    if "base_layer".endswith(tuple(config.get("modules_to_save", ()))):
        config.pop("modules_to_save")
    return config


def _fields(adapter: dict[str, Any]) -> dict[str, Any]:
    """Return the fields without those that choose the classes; a copy, because PEFT adds the task's head to the list."""
    return copy.deepcopy({name: value for name, value in adapter.items() if name not in {"peft_type", "task_type"}})


def theirs(model_config: dict[str, Any], adapter: dict[str, Any]) -> tuple[int, int, list[str]] | Exception:
    """Return PEFT's two figures and the names of the places it adapted, or how it refused."""
    fields = _fields(adapter)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            config = peft.LoraConfig(**fields, task_type=adapter.get("task_type"))
            # Values decide these: what starts from the weights, and which rows there are.
            needs_values = isinstance(config.init_lora_weights, str) or config.trainable_token_indices is not None
            adapted = wrapped(model_config, config, "cpu" if needs_values else "meta")
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, RuntimeError) as error:
            return error
        return (
            *adapted.get_nb_trainable_parameters(),
            sorted(adapted.base_model.targeted_module_names + adapted.base_model.targeted_parameter_names),
        )


def wrapped(model_config: dict[str, Any], config: peft.PeftConfig, device: str) -> peft.PeftModel:
    """Return the adapted model, of the class that PEFT has for its task; a prompt is wrapped without a task too."""
    model = drawn.build(model_config, device)
    return peft.PeftModel(model, config) if config.task_type is None else peft.get_peft_model(model, config)


def saved(model_config: dict[str, Any], adapter: dict[str, Any], folder: Path) -> dict[str, tuple[str, list[int]]]:
    """Return the type and the shape of each tensor in the adapter that PEFT saves, from a model that has its values."""
    fields = _fields(adapter)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        config = peft.LoraConfig(**fields, task_type=adapter.get("task_type"))
        wrapped(model_config, config, "cpu").save_pretrained(folder)
    with safetensors.safe_open(folder / "adapter_model.safetensors", "pt") as file:
        slices = {key: file.get_slice(key) for key in file.keys()}  # noqa: SIM118 - safe_open is no dict
    return {key: (part.get_dtype(), part.get_shape()) for key, part in slices.items()}


def record() -> None:
    """Write the recorded reference anew."""
    versions = f"peft {peft.__version__}, transformers {transformers.__version__}, torch {torch.__version__}"
    lines = [json.dumps({"made by": "python tests/peft/adapters.py", "with": versions})]
    for model_type in model_types():
        is_accepted = False
        for turn in count():
            if turn >= A_FAMILY and is_accepted:
                break
            config, adapter = drawn_case(model_type, random.Random(f"recorded/{model_type}/{turn}"))
            answer = theirs(config, adapter)
            figures = None if isinstance(answer, Exception) else (*answer[:2], len(answer[2]))
            is_accepted = is_accepted or figures is not None
            lines.append(json.dumps({"config": config, "adapter": adapter, "figures": figures}))
    RECORDED.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    record()
