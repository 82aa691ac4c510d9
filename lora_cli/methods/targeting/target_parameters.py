"""Bare parameters as targets, such as fused experts (`target_parameters`).

`peft/tuners/tuners_utils.py`: `_inject_parameters`; `peft.tuners.lora.layer.ParamWrapper`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Set

from lora_cli.errors import InvalidInput, quote_long
from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.place import Place
from lora_cli.methods.targeting.mamba_parts import check_mamba
from lora_cli.methods.targeting.model_types import TRANSPOSED_TYPES
from lora_cli.methods.targeting.name_endings import ends_with
from lora_cli.models.model import Model
from lora_cli.models.nodes import Module, Parameter, around

EXPERT_DIMENSIONS = 3


def parameter_places(
    model: Model, config: AdapterConfig, modules: Collection[str], rank: Callable[[str], int]
) -> Iterator[Place]:
    """Yield the places of the parameters that a config adapts; `modules` are the names of its target modules."""
    wanted = frozenset(config.target_parameters or ())
    if not wanted:
        return
    # PEFT compares the bias beside a weight norm with whole names only.
    whole = {f"{module.name}.bias" for module in model.modules if module.weight_norm}
    targets = [
        parameter
        for parameter in model.all_parameters()
        if parameter.name in wanted or (parameter.name not in whole and ends_with(parameter.name, wanted))
    ]
    owners = {_owner(parameter) for parameter in targets}
    for parameter in targets:
        _check(parameter, config, modules, owners)
        check_mamba(_owner(parameter), model.model_type, config.method)
        experts = parameter.shape[0] if len(parameter.shape) == EXPERT_DIMENSIONS else 1
        h, d = parameter.shape[-2:]
        if len(parameter.shape) == EXPERT_DIMENSIONS and model.model_type in TRANSPOSED_TYPES:
            h, d = d, h
        yield Place(Module(parameter.name, d, h, "Parameter"), rank(parameter.name), experts, parameter=True)


def _owner(parameter: Parameter) -> str:
    return parameter.name.rpartition(".")[0]


def _check(parameter: Parameter, config: AdapterConfig, modules: Collection[str], owners: Set[str]) -> None:
    owner = _owner(parameter)
    problem = None
    if not owner:
        problem = "belongs to the model itself and not to a module in it"
    elif owner in modules:
        problem = "belongs to a module that target_modules adapts too"
    elif outer := next((name for name in around(owner) if name in owners), None):
        problem = f"is inside {quote_long(outer)}, which has a target parameter too and is wrapped first"
    elif len(parameter.shape) not in {2, EXPERT_DIMENSIONS}:
        problem = f"has {len(parameter.shape)} dimensions, and PEFT adapts 2 and {EXPERT_DIMENSIONS}"
    else:
        refused = {
            "use_dora": config.lora.use_dora,
            "lora_bias": config.lora.lora_bias,
            "fan_in_fan_out": config.lora.fan_in_fan_out,
            "lora_dropout": config.lora.lora_dropout,
        }
        name = next((name for name, value in refused.items() if value), None)
        problem = f"cannot be adapted with {name}" if name else None
    if problem:
        raise InvalidInput(f"target parameter {quote_long(parameter.name)} {problem}; leave it out")
