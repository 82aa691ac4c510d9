"""The LoraConfigs of PEFT that diffusers writes into a file's metadata: one for each model of a pipeline.

diffusers 0.42's `loaders/lora_base.py` (`write_lora_layers`, `_load_lora_into_text_encoder`) and `loaders/peft.py`
(`save_lora_adapter`, `load_lora_adapter`): a JSON object whose names begin with those of the models, or one config.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import sqrt
from typing import Any, NamedTuple

from lora_cli.errors import InvalidInput, first_few
from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.config.reading import read_adapter_config
from lora_cli.methods.targeting.name_matching import by_pattern, ranker
from lora_cli.methods.targeting.patterns import matching_time_limit
from lora_cli.models.config import Config
from lora_cli.models.files import json_object
from lora_cli.time_limit import TookTooLong

ENTRY = "lora_adapter_metadata"
LORA = {"peft_type": "LORA"}
# Ten times what patterns for every module of the largest models take.
MOST_CHARACTERS = 2**20


class Told(NamedTuple):
    """The rank and alpha that a config gives a module, and what the update is multiplied by; None where it cannot be read."""

    r: int | None = None
    alpha: float | None = None
    scaling: float | None = None


UNTOLD = Told()


class ModelConfig(NamedTuple):
    """What a config gives each module of one model, or the `problem` for which diffusers loads nothing of it."""

    modules: Mapping[str, Told]
    problem: str = ""


def model_configs(metadata: Mapping[str, str], models: Mapping[str, Iterable[str]]) -> dict[str, ModelConfig]:
    """Return what the metadata gives the modules of each model, {} without metadata; a model "" is the only one."""
    text = metadata.get(ENTRY)
    if not text:
        return {}
    if len(text) > MOST_CHARACTERS:
        size = f"{len(text):,} characters, and the LoraConfigs of a pipeline have at most {MOST_CHARACTERS:,}"
        return dict.fromkeys(models, ModelConfig({}, f"{ENTRY} has {size}"))
    try:
        fields = json_object(text.encode("utf-8", "surrogatepass"), ENTRY, "what diffusers writes there")
    except InvalidInput as error:
        return dict.fromkeys(models, ModelConfig({}, str(error)))
    return {model: _model_config(model, modules, fields) for model, modules in models.items()}


def _model_config(model: str, modules: Iterable[str], fields: Mapping[str, Any]) -> ModelConfig:
    start = f"{model}." if model else ""
    own = {name.removeprefix(start): value for name, value in fields.items() if name.startswith(start)}
    whose = f"{ENTRY} of {model}" if model else ENTRY
    if not own.get("target_modules"):
        return ModelConfig({}, f"{whose} has no target_modules, which diffusers needs as soon as there is metadata")
    try:
        config, unknown = read_adapter_config(Config(LORA | own, whose))
        if unknown:
            return ModelConfig({}, f"{whose} has {first_few(unknown)}, which LoraConfig of PEFT does not have")
        return ModelConfig(_told(config, tuple(modules)))
    except TookTooLong:
        raise
    except InvalidInput as error:
        return ModelConfig({}, str(error))


def _told(config: AdapterConfig, modules: tuple[str, ...]) -> dict[str, Told]:
    """Return what PEFT makes of a config for some modules: the scaling is α / r, or α / √r with `use_rslora`."""
    rank_of, alpha_of = ranker(config), by_pattern(config.alpha_pattern, config.lora.lora_alpha)
    divisor = sqrt if config.lora.use_rslora else float
    found = {}
    with matching_time_limit(len(modules)):
        for module in modules:
            r, alpha = rank_of(module), float(alpha_of(module))
            found[module] = Told(r, alpha, alpha / divisor(r))
    return found
