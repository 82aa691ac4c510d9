"""A model by the headers of its checkpoint, where its config.json is missing or names a class that is not known.

Where transformers would ignore that class, because the type is its own, headers that hold as many parameters as one of
the type's classes confirm that class, with its names in memory: they can be older on disk, and experts stored singly.
Otherwise names and shapes are the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lora_cli.errors import InvalidInput, counted, quote_long
from lora_cli.models.checkpoints.adapter_names import hold_an_adapter
from lora_cli.models.checkpoints.by_shape import model_of_shapes
from lora_cli.models.checkpoints.comparison import difference
from lora_cli.models.checkpoints.packings import unpacked
from lora_cli.models.checkpoints.value_type import value_type
from lora_cli.models.config import Config
from lora_cli.models.model import Model, names_dtype, read_config, read_dtype
from lora_cli.models.nodes import Parameter
from lora_cli.models.registry import UnknownArchitecture, family
from lora_cli.models.sources.checkpoint import Checkpoint, adapter_as_model

EXPERTS = ".experts."
# What says that a repository brings code of its own.
OWN_CODE = "auto_map"


def read_headers(config: Config | None, checkpoint: Checkpoint, source: str, reason: str) -> Model:
    """Return the model of a checkpoint; the `reason` says why its config.json does not tell which one it is."""
    headers = checkpoint.read()
    if hold_an_adapter(headers):
        raise adapter_as_model(checkpoint.name)
    stored, dtype = unpacked(headers), value_type(headers)
    # A large header takes as much memory as the model that is made of it.
    del headers
    if not any(parameter.params for parameter in stored.parameters):
        raise InvalidInput(f"{quote_long(source)} does not hold any parameters; give another checkpoint")
    confirmed = None if config is None else _confirmed(config, stored.parameters, source, reason)
    if confirmed is not None:
        named = dtype is None or not confirmed.assumes_dtype
        return confirmed if named else replace(confirmed, dtype=dtype, assumes_dtype=False)
    doubt = "the model itself may count tied weights and experts differently"
    how = "modules are derived from the names and shapes in the checkpoint"
    warnings = [f"{doubt}: {how}, because {reason}"]
    if stored.unknown:
        warnings.append(
            f"{quote_long(source)}: taken for buffers: {counted(stored.unknown, 'integer tensor')}; "
            "if they are packed weights, full_params is too small"
        )
    model = replace(model_of_shapes(stored.parameters, source, tuple(warnings)), dtype=dtype)
    return model if config is None else _described(model, config)


def _confirmed(config: Config, stored: Sequence[Parameter], source: str, reason: str) -> Model | None:
    """Return the model of the class of a known type that has as many parameters as the headers, or None without one."""
    model_type = config.text("model_type", default="")
    if OWN_CODE in config.fields or not model_type:
        return None
    try:
        for name in family(model_type).classes:
            model = read_config(Config({**config.fields, "architectures": [name]}, config.source), source)
            if difference(model, stored) is None:
                warning = f"the headers hold as many parameters as {name}, which is counted; {reason}"
                return replace(model, warnings=(*model.warnings, warning))
    except UnknownArchitecture:
        return None
    return None


def _described(model: Model, config: Config) -> Model:
    """Return a model that was read by its shapes, with what its config.json says of it.

    PEFT goes by the model type. It is left out where experts are stored one by one, because PEFT looks for fused
    ones in some types.
    """
    has_experts = any(EXPERTS in name for name in model.module_names)
    model_type = "" if has_experts else config.text("model_type", default="")
    dtype = read_dtype(config) if names_dtype(config) else model.dtype
    return replace(model, config=config, model_type=model_type, dtype=dtype)
