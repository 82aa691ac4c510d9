"""Mixtures of experts: configs that name each expert's modules, for models that fuse the experts into parameters.

`peft/utils/transformers_weight_conversion.py`: `_convert_peft_config_moe`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from lora_cli.errors import InvalidInput
from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.registry import method_named
from lora_cli.methods.targeting.model_types import EXPERTS, Experts
from lora_cli.methods.targeting.name_matching import ALL_LINEAR, all_linear, excluder, matcher
from lora_cli.models.model import Model


def fused_experts(model: Model, config: AdapterConfig) -> Experts | None:
    """Return the fused experts in the model if the config's method has its targets rewritten to them."""
    return EXPERTS.get(model.model_type) if method_named(config.method).rewrites_expert_targets else None


def with_experts(model: Model, config: AdapterConfig) -> AdapterConfig:
    """Replace targets that name the modules of single experts by the fused parameters that hold them."""
    experts = fused_experts(model, config)
    if experts is None:
        return config
    names = config.target_modules or ()
    if isinstance(names, str):
        names = _leaf_names(model, config, names, experts)
        if not names:
            return config
    fused: dict[str, set[str]] = {}
    kept, parameters = [], set(config.target_parameters or ())
    for name in names:
        old = next((old for old in experts.renamed if name == old or name.endswith(f".{old}")), None)
        if old is None:
            kept.append(name)
        else:
            parameters.add(experts.renamed[old])
            fused.setdefault(experts.renamed[old], set()).add(old)
    ranks = dict(config.rank_pattern)
    for new, parts in experts.fused.items():
        missing = [part for part in parts if part not in fused.get(new, set())]
        if missing and len(missing) < len(parts):
            raise InvalidInput(
                f"{', '.join(parts)} are fused into {new}; target {', '.join(missing)} too, or none of them"
            )
        if not missing:
            alpha = config.lora.lora_alpha
            if isinstance(alpha, InvalidInput):
                # PEFT multiplies it by as many, whatever alpha_pattern says.
                raise alpha
            ranks[rank_key(new)] = config.r * len(parts)
    return replace(config, target_modules=tuple(kept), target_parameters=tuple(sorted(parameters)), rank_pattern=ranks)


def rank_key(parameter: str) -> str:
    """Return the key of `rank_pattern` by which PEFT raises the rank of a fused parameter.

    >>> rank_key("gate_up_proj")
    '.*\\\\.gate_up_proj'
    """
    return rf".*\.{re.escape(parameter)}"


def _leaf_names(model: Model, config: AdapterConfig, text: str, experts: Experts) -> tuple[str, ...]:
    """Return the last parts of the names that a text as target_modules matches, old names of experts included."""
    if text.lower() == ALL_LINEAR:
        return tuple({_leaf(name) for name in all_linear(model, config)} | set(experts.renamed))
    matched, excluded = matcher(model, config), excluder(config)

    def is_target(name: str) -> bool:
        return matched(name) and not excluded(name)

    parameters = [parameter.name for parameter in model.all_parameters()]
    leaves = {_leaf(name) for name in (*model.module_names, *parameters) if is_target(name)}
    return tuple(leaves | set(_old_names(parameters, experts, is_target)))


def _old_names(parameters: Iterable[str], experts: Experts, is_target: Callable[[str], bool]) -> Iterator[str]:
    """Yield the old names of experts that would be targets where the fused parameters are now."""
    parameters = tuple(parameters)
    for old, new in experts.renamed.items():
        owners = {name.rpartition(".")[0] for name in parameters if _leaf(name) == new}
        if any(is_target(f"{owner}.{old}") for owner in owners):
            yield old


def _leaf(name: str) -> str:
    return name.rsplit(".", 1)[-1]
