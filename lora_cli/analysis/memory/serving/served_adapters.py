"""What adapters need of a server: their highest rank, what they fill of a slot, and why vLLM refuses some."""

from __future__ import annotations

from collections.abc import Iterator
from os import PathLike
from typing import NamedTuple

from lora_cli.analysis.memory.serving.refusals import REFUSALS, classifiers, highest_rank, is_other_method
from lora_cli.analysis.memory.serving.slots import Slot
from lora_cli.errors import InvalidInput, argument, quote, quote_long
from lora_cli.methods.config.adaptation import Adaptation
from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.config.arguments import adapter_config
from lora_cli.models.files import path_text
from lora_cli.models.model import Model


class Served(NamedTuple):
    """An adapter as a server holds it: the highest rank of any module, and the values that it fills on one card."""

    name: str
    rank: int
    values: int


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
    return Served(name, highest_rank(config), values), warnings


def _reasons(config: AdapterConfig) -> Iterator[str]:
    if is_other_method(config):
        yield f"the method {quote(config.label)}"
    if classifiers(config):
        yield "modules_to_save"
    if config.target_parameters:
        yield "target_parameters without enable_mixed_moe_lora_format"
    yield from (refusal.what for refusal in REFUSALS if refusal.has(config))
