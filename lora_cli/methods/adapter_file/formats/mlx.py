"""mlx-lm: adapters.safetensors beside an adapter_config.json of its own, whose A and B are transposed to PEFT's.

mlx-lm 0.32's `tuner/lora.py` and `tuner/dora.py` (the tensors, and `fuse`, which adds scale · (lora_a · lora_b)ᵀ),
`tuner/utils.py` (`linear_to_lora_layers`, `load_adapters`) and `lora.py` (`train_model`). There is no alpha.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from sys import intern

from lora_cli.errors import counted
from lora_cli.methods.adapter_file.algorithm_table import A, B
from lora_cli.methods.adapter_file.algorithm_update import algorithm_update
from lora_cli.methods.adapter_file.facts import FactReader, TrainingFacts, finite_number, rank_number
from lora_cli.methods.adapter_file.format import (
    MOST_SCALING,
    AdapterFile,
    BaseNames,
    Fields,
    Format,
    Metadata,
    Part,
    Refusal,
)
from lora_cli.methods.adapter_file.module_update import ModuleUpdate
from lora_cli.methods.config.reading import OTHER_WRITERS
from lora_cli.models.checkpoints.safetensors_header import Stored
from lora_cli.models.peft_names import ADAPTER_CONFIG

PEFT_NAMES = {"lora_a": A, "lora_b": B, "m": "lora_magnitude_vector"}
KEY = re.compile(r"(?P<module>.+)\.(?P<tensor>lora_a|lora_b|m)")
WHOLE_KEY = re.compile(r"(?P<module>.+)\.(?P<tensor>weight|bias)")
LAYER = re.compile(r"(?P<stack>.+?)\.(?P<index>[0-9]{1,9})\.")
WHOLE = "full"
OWN_FIELDS = OTHER_WRITERS["mlx-lm"]


def part(key: str) -> Part | None:
    """Return the module and the tensor of a key, with PEFT's names.

    >>> part("model.layers.1.self_attn.q_proj.lora_a")
    Part(module='model.layers.1.self_attn.q_proj', tensor='lora_A.weight')
    """
    match = KEY.fullmatch(key)
    return None if match is None else Part(intern(match["module"]), PEFT_NAMES[match["tensor"]])


def marked_part(key: str) -> Part | None:
    """Return the module and the tensor of a key of a layer that was trained whole (`fine_tune_type` full)."""
    match = WHOLE_KEY.fullmatch(key)
    return None if match is None else Part(intern(match["module"]), intern(match["tensor"]))


def updates(file: AdapterFile) -> Iterator[ModuleUpdate]:
    """Yield the updates of a file, which have one scale."""
    scale = _scale(file.fields)
    rank = rank_number(_parameters(file.fields).get("rank"))
    for module, tensors in file.modules.items():
        if tensors.keys().isdisjoint((A, B)):
            d, h = _sides(tensors.get("weight"))
            yield ModuleUpdate(module, WHOLE, tensors, d, h, reason="it is trained whole, so its update has no rank")
        elif any(len(stored.shape) == 3 for stored in tensors.values()):
            yield _experts(module, tensors, scale)
        else:
            # As PEFT stores them: A as r x d, B as h x r.
            turned = {name: each.transpose if name in {A, B} else each for name, each in tensors.items()}
            update = algorithm_update(module, turned, None, lambda _r: scale, rank)
            if update is not None:
                yield update


def _sides(weight: Stored | None) -> tuple[int | None, int | None]:
    """Return the inputs and outputs of a matrix."""
    return (weight.shape[1], weight.shape[0]) if weight is not None and len(weight.shape) == 2 else (None, None)


def _experts(module: str, tensors: Mapping[str, Stored], scale: float | None) -> ModuleUpdate:
    """Return the update of a stack of experts: A is E x r x d and B E x h x r, as in `LoRASwitchLinear`."""
    a, b = (tensors[name].shape if name in tensors else () for name in (A, B))
    missing = tuple(name for name in (A, B) if name not in tensors)
    d, h, r = a[2] if len(a) == 3 else None, b[1] if len(b) == 3 else None, a[1] if len(a) == 3 else None
    return ModuleUpdate(
        module, "lora", tensors, d, h, r, scaling=scale, missing=missing, reason="it is a stack of experts"
    )


def _parameters(fields: Fields) -> Fields:
    found = fields.get("lora_parameters")
    return found if isinstance(found, dict) else {}


def _scale(fields: Fields) -> float | None:
    """Return the scale, None where the config has none."""
    return finite_number(_parameters(fields).get("scale"))


def facts(metadata: Metadata, fields: Fields) -> TrainingFacts:
    """Return what the config says of the training."""
    read = FactReader({name: str(value) for name, value in fields.items() if type(value) in {str, int, float}})
    return TrainingFacts(
        base_model=read.text("model"),
        steps=read.count("iters"),
        learning_rate=read.number("learning_rate"),
        unread=tuple(read.unread),
    )


def is_marked(metadata: Metadata, fields: Fields) -> bool:
    """Whether the config is one of mlx-lm."""
    return not OWN_FIELDS.isdisjoint(fields)


def refusals(file: AdapterFile) -> Iterator[Refusal]:
    """Yield why mlx-lm does not load the file (`load_adapters`, `linear_to_lora_layers`)."""
    if not file.fields:
        yield Refusal(
            f"there is no {ADAPTER_CONFIG} beside it, so its scale is not known",
            f"copy {ADAPTER_CONFIG} from where the adapter was trained",
        )
    elif file.fields.get("fine_tune_type") != WHOLE and _scale(file.fields) is None:
        yield Refusal("lora_parameters in its config has no scale that is a number", "add the scale of the training")


def refusals_on(fields: Fields, base_names: BaseNames, names: Sequence[str]) -> Iterator[Refusal]:
    """Yield that the file has modules of layers that mlx-lm does not adapt: only the last `num_layers` are.

    `linear_to_lora_layers` adapts `model.layers[-max(num_layers, 0):]`, and modules that `keys` names in full.
    """
    number, keys = fields.get("num_layers"), _parameters(fields).get("keys")
    if type(number) is not int or number <= 0 or fields.get("fine_tune_type") == WHOLE:
        return
    sizes: dict[str, int] = {}
    for layer in filter(None, map(LAYER.match, names)):
        sizes[layer["stack"]] = max(sizes.get(layer["stack"], 0), int(layer["index"]) + 1)
    in_full = keys if isinstance(keys, list) else ()
    # Of each module that is not reached: the layers of its stack, and how many of the last ones have it among them.
    outside = {}
    for module, (name, *_) in base_names.items():
        match = LAYER.match(name)
        if match is not None and module not in in_full:
            size = sizes[match["stack"]]
            if size - int(match["index"]) > number:
                outside[module] = size, size - int(match["index"])
    if outside:
        total, _ = next(iter(outside.values()))
        yield Refusal(
            f"num_layers in its config adapts only the last {number} of {total} layers, and {counted(list(outside), 'module')} "
            f"of the file {'is' if len(outside) == 1 else 'are'} in others, which mlx-lm 0.31 and older skip silently",
            f"set num_layers to {max(needed for _, needed in outside.values())} in {ADAPTER_CONFIG}, "
            "or train the last layers",
        )


FORMAT = Format(
    "mlx",
    "mlx-lm",
    part,
    updates,
    facts,
    is_marked,
    # Its default scale is 20.
    most_scaling=20 * MOST_SCALING,
    instead="merge it into its base model with `mlx_lm.fuse`: mlx-lm writes no adapter for PEFT",
    marked_part=marked_part,
    refusals=refusals,
    refusals_on=refusals_on,
    rank_field="lora_parameters.rank",
    file_name="adapters.safetensors",
)
