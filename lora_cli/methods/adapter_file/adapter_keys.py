"""What the keys of an adapter's file mean: how PEFT names a tensor, and how a method names its own tensors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

from lora_cli.errors import InvalidInput
from lora_cli.methods.adapter_file.trained_adapter import TrainedAdapter
from lora_cli.methods.config.adapter_config import TARGETING, AdapterConfig
from lora_cli.methods.config.lora_settings import LoraSettings
from lora_cli.methods.config.reading import read_adapter_config
from lora_cli.methods.registry import method_named
from lora_cli.methods.targeting.targets import targets
from lora_cli.methods.tensor import Tensor
from lora_cli.models.config import Config
from lora_cli.models.model import Model
from lora_cli.models.nodes import Module
from lora_cli.models.peft_names import BASE_MODEL, PEFT_MODEL

# The method's tensors are made for a matrix W whose sides have many divisors, so that most sizes fit it.
SIDE = 2**11 * 3**2 * 5 * 7 * 11
MODULES = (
    Module("W", SIDE, SIDE),
    Module("W", SIDE, SIDE, "Embedding"),
    Module("W", SIDE, SIDE, "Conv2d", kernel=(1, 1)),
)
# The fields that choose among the modules of a model.
CHOOSING = TARGETING | {"rank_pattern", "target_parameters", "trainable_token_indices", "layer_replication"}
# Name parts that the wrappers of training loops add, and PEFT's own name for an adapter, which it does not save.
WRAPPERS = frozenset({"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"})
DEFAULT = "default"
# What a key that needs a closer look contains.
ADDED = (*WRAPPERS, DEFAULT, BASE_MODEL + BASE_MODEL)


def canonical_key(key: str) -> str:
    """Return the key by which PEFT saves and loads a tensor, without what a training loop added to it.

    >>> canonical_key("module.base_model.model._orig_mod.q_proj.lora_A.default.weight")
    'base_model.model.q_proj.lora_A.weight'
    >>> canonical_key("model.layers.0.q_proj.lora_A.weight")
    'base_model.model.model.layers.0.q_proj.lora_A.weight'
    """
    if key.startswith(BASE_MODEL) and not any(map(key.__contains__, ADDED)):
        return key
    parts = [part for part in key.split(".") if part not in WRAPPERS]
    parts = parts[1:] if parts[:1] == ["module"] else parts
    if DEFAULT in parts[-2:]:
        last = len(parts) - 1 - parts[::-1].index(DEFAULT)
        parts = parts[:last] + parts[last + 1 :]
    name = ".".join(parts)
    while name.startswith(BASE_MODEL + BASE_MODEL):
        name = name.removeprefix(BASE_MODEL)
    return name if name.startswith(PEFT_MODEL) else BASE_MODEL + name


class Spelling(NamedTuple):
    """The key of PEFT that a key may stand for, and why it is spelled otherwise, unless that shows."""

    key: str
    cause: str = ""


def spellings(key: str, own: Iterable[str]) -> Iterator[Spelling]:
    """Yield the keys of PEFT that a key may stand for, the likeliest first; `own` are the ends of the method's keys.

    >>> [*spellings("q_proj_A.weight", ["lora_A.weight"])][-1].key
    'base_model.model.q_proj.lora_A.weight'
    """
    right = canonical_key(key)
    yield Spelling(right)
    around, _, leaf = right.rpartition(".")
    for shorter in (f"{around.rpartition('.')[0]}.{leaf}", around):
        yield Spelling(shorter, "the adapter's name is in them, which PEFT leaves out")
    # Older versions of PEFT cut an adapter's name out of the whole key, so that one called lora leaves `q_proj_A`.
    for end in own:
        cut = end[end.find("_") :]
        if right.endswith(cut) and not right.endswith(f".{end}"):
            name = f"{right.removesuffix(cut)}.{end}"
            yield Spelling(name, f"the adapter's name {end.partition('_')[0]} is cut out of them")


def tensors_beside_a_module(trained: TrainedAdapter) -> dict[str, Tensor]:
    """Return the tensors that an adapter's method adds beside a module, by the end of their keys.

    The result is empty for a method that adapts no module or any kind of module.
    """
    method = method_named(trained.config.method)
    found: dict[str, Tensor] = {}
    if method.prompt_tensors is not None or not method.module_kinds:
        return found
    with suppress(InvalidInput):
        # Alpha changes no key either, and may be there for the modules in alpha_pattern only.
        left_out = CHOOSING | {method.alpha}
        fields = {name: value for name, value in trained.fields.items() if name not in left_out}
        config, _ = read_adapter_config(Config({**fields, "target_modules": ["W"]}, trained.name))
        # Blocks shrink A and B by the names of modules, but do not change the keys of A and B.
        if isinstance(config.settings, LoraSettings):
            config = replace(config, settings=replace(config.settings, use_bdlora=None))
        for module in MODULES:
            if module.kind in method.module_kinds:
                with suppress(InvalidInput):
                    found |= {tensor.key: tensor for tensor in _tensors_beside(module, config)}
    return found


def _tensors_beside(module: Module, config: AdapterConfig) -> Iterator[Tensor]:
    found = targets(Model("one module", "", (module,), {}, None, None), config)
    method = method_named(config.method)
    settings = method.resolved(found, config.settings, config)
    for place in found.places:
        yield from method.tensors(place, settings)
