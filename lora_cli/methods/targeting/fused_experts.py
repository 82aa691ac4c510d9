"""Mixtures of experts: configs that name experts one by one, for models that hold them fused.

`peft/utils/transformers_weight_conversion.py`: `_convert_peft_config_moe`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from lora_cli.errors import InvalidInput
from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.targeting.default_targets import EXPERTS
from lora_cli.methods.targeting.name_matching import ALL_LINEAR, all_linear, excluder, matcher
from lora_cli.models.model import Model


def with_experts(model: Model, config: AdapterConfig) -> AdapterConfig:
    """Turn targets that name a mixture's experts one by one into the fused parameters that hold them now."""
    experts = EXPERTS.get(model.model_type)
    # PEFT does so for LoRA alone.
    if experts is None or config.method != "lora":
        return config
    names = config.target_modules or ()
    if isinstance(names, str):
        names = _leaf_names(model, config, names, experts.renamed)
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
            ranks[rf".*\.{re.escape(new)}"] = config.r * len(parts)
    return replace(config, target_modules=tuple(kept), target_parameters=tuple(sorted(parameters)), rank_pattern=ranks)


def _leaf_names(model: Model, config: AdapterConfig, text: str, renamed: Iterable[str]) -> tuple[str, ...]:
    def leaf(name: str) -> str:
        return name.rsplit(".", 1)[-1]

    if text.lower() == ALL_LINEAR:
        return tuple({leaf(name) for name in all_linear(model, config)} | set(renamed))
    matched, excluded = matcher(model, config), excluder(config)

    def hit(name: str) -> bool:
        return matched(name) and not excluded(name)

    parameters = [parameter.name for parameter in model.all_parameters()]
    found = {leaf(name) for name in (*model.module_names, *parameters) if hit(name)}
    experts = EXPERTS[model.model_type]
    for old, new in experts.renamed.items():
        containers = {name.rpartition(".")[0] for name in parameters if leaf(name) == new}
        if any(hit(f"{container}.{old}") for container in containers):
            found.add(old)
    return tuple(found)
