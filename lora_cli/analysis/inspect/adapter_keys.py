"""What the keys of an adapter's file mean: how PEFT names a tensor, and which names a method has for its own."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from lora_cli.errors import InvalidInput
from lora_cli.methods.adapter_file.trained_adapter import ROOT, Trained
from lora_cli.methods.place import Place
from lora_cli.methods.registry import method_named
from lora_cli.methods.tensor import Tensor
from lora_cli.models.nodes import Module

# A matrix on which a method is asked for its tensors' names: its sides have many divisors.
SIDE = 2**11 * 3**2 * 5 * 7 * 11
KINDS = (
    Module("W", SIDE, SIDE),
    Module("W", SIDE, SIDE, "Embedding"),
    Module("W", SIDE, SIDE, "Conv2d", kernel=(1, 1)),
)
# What wrappers of training loops put into names, and the name that PEFT itself gives an adapter and does not save.
WRAPPERS = frozenset({"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"})
DEFAULT = "default"


def canonical(key: str) -> str:
    """Return the key that PEFT saves and loads a tensor by, whatever a training loop put into it.

    >>> canonical("module.base_model.model._orig_mod.q_proj.lora_A.default.weight")
    'base_model.model.q_proj.lora_A.weight'
    >>> canonical("model.layers.0.q_proj.lora_A.weight")
    'base_model.model.model.layers.0.q_proj.lora_A.weight'
    """
    parts = [part for part in key.split(".") if part not in WRAPPERS]
    parts = parts[1:] if parts[:1] == ["module"] else parts
    if DEFAULT in parts[-2:]:
        last = len(parts) - 1 - parts[::-1].index(DEFAULT)
        parts = parts[:last] + parts[last + 1 :]
    name = ".".join(parts)
    while name.startswith(ROOT + ROOT):
        name = name.removeprefix(ROOT)
    return name if name.startswith("base_model.") else ROOT + name


def beside_a_matrix(trained: Trained) -> dict[str, Tensor]:
    """Return what a config's method calls the tensors beside a module: those it would add to a matrix."""
    config = trained.config
    method = method_named(config.method)
    found: dict[str, Tensor] = {}
    if config.method == "lora":
        # Blocks thin A and B by the names of modules, and change no name of theirs.
        whole = replace(config, use_bdlora=None)
        for module in KINDS:
            with suppress(InvalidInput):
                found |= {tensor.key: tensor for tensor in method.tensors(Place(module, config.r), whole)}
        return found
    if method.prompt_tensors is not None or not method.module_kinds:
        return found
    from lora_cli.analysis.count.adapted_matrix import count_matrix
    from lora_cli.methods.config.adapter_config import on_one_matrix, read_adapter_config
    from lora_cli.models.config import Config

    with suppress(InvalidInput):
        alone, _ = read_adapter_config(Config(on_one_matrix(trained.fields), trained.name))
        found = {tensor.key: tensor for _, tensors in count_matrix(SIDE, SIDE, alone).added for tensor in tensors}
    return found
