"""What adapters need of a server: their highest rank, what they fill of a slot, and why vLLM refuses some."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from os import PathLike
from typing import NamedTuple

from lora_cli.analysis.memory.serving.slots import Slot
from lora_cli.errors import InvalidInput, argument, quote, quote_long
from lora_cli.methods.config.adaptation import Adaptation
from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.config.arguments import adapter_config
from lora_cli.methods.config.lora_settings import LoraSettings
from lora_cli.models.files import path_text
from lora_cli.models.model import Model

# The initialisations after which PEFT saves a plain LoRA (`PEFTHelper._init_is_supported`).
PLAIN_STARTS = ("gaussian", "eva", "orthogonal", "mica", "lora_ga")


class Served(NamedTuple):
    """An adapter as a server holds it: the highest rank of any module, and the values that it fills on one card."""

    name: str
    rank: int
    values: int


def _changes_base(config: AdapterConfig) -> bool:
    start = config.lora.init_lora_weights
    return isinstance(start, str) and start.lower() not in PLAIN_STARTS


# What `PEFTHelper.validate_legal` in `vllm/lora/peft_helper.py` (0.33.0) and the names of its tensors refuse.
REFUSED: Mapping[str, Callable[[AdapterConfig], object]] = {
    "DoRA": lambda config: config.lora.use_dora,
    "modules_to_save": lambda config: config.full_copy_names,
    "trained biases": lambda config: config.bias != "none",
    "lora_bias": lambda config: config.lora.lora_bias,
    "trained token rows": lambda config: config.trainable_token_indices,
    "layer_replication": lambda config: config.layer_replication,
    "an init_lora_weights that changes the base": _changes_base,
    "aLoRA": lambda config: config.lora.alora_invocation_tokens,
    "BD-LoRA": lambda config: config.lora.use_bdlora,
    "QALoRA": lambda config: config.lora.use_qalora,
    "target_parameters without enable_mixed_moe_lora_format": lambda config: config.target_parameters,
}


def read_served(model: Model, path: str | PathLike[str], slot: Slot) -> tuple[Served, list[str]]:
    """Return what an adapter takes of a slot, and warnings; one that vLLM refuses raises `InvalidInput`."""
    from lora_cli.analysis.count.count_plan import make_plan

    name = path_text("adapter", path)
    config, warnings = adapter_config(Adaptation(adapter=path), of_model=True)
    for reason in _reasons(config):
        raise InvalidInput(f"{argument('adapter')}: vLLM does not serve {reason}, which {quote_long(name)} has")
    plan = make_plan(model, config)
    for place in plan.targets.places:
        if place.module.name not in slot:
            raise InvalidInput(
                f"{argument('adapter')}: vLLM has no LoRA for {place.module.name} of {model.model_type}, which "
                f"{quote_long(name)} adapts"
            )
    values = sum(place.r * slot[place.module.name] for place in plan.targets.places)
    # vLLM looks at the patterns themselves, whether they match a module or not.
    ranks = [rank for rank in config.rank_pattern.values() if isinstance(rank, int)]
    return Served(name, max(config.r, *ranks, 0), values), warnings


def _reasons(config: AdapterConfig) -> Iterator[str]:
    # AdaLoRA's settings extend LoRA's, and vLLM does not know it.
    if type(config.settings) is not LoraSettings:
        yield f"the method {quote(config.label)}"
    yield from (reason for reason, has in REFUSED.items() if has(config))
