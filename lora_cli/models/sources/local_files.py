"""A model from local files: a config.json, a safetensors checkpoint, or both.

A family here, or an installed transformers, builds the model of a config.json, and the checkpoint is compared with
it. Without either, the names and shapes in the checkpoint are the model.
"""

from __future__ import annotations

import os
from dataclasses import replace

from lora_cli.errors import InvalidInput, argument, counted, quote_long
from lora_cli.models.config import Config
from lora_cli.models.files import names_in, read_config_object, read_object
from lora_cli.models.model import Model, read_config
from lora_cli.models.peft_names import ADAPTER_CONFIG
from lora_cli.models.registry import UnknownArchitecture

CONFIG = "config.json"
# Pickles can run any program when they are read.
UNPICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl")


def read_files(path: str) -> Model:
    """Return the model of a config.json, a checkpoint or a folder."""
    config, checkpoint = _files(path)
    if config is None:
        return _by_shapes(checkpoint, path, f"{quote_long(path)} has no config.json beside it")
    try:
        model = read_config(config, path)
    except UnknownArchitecture as unknown:
        return _without_family(config, checkpoint, path, unknown)
    return _compared(model, checkpoint)


def _files(source: str) -> tuple[Config | None, list[str]]:
    """Return the config.json and the checkpoint files that a path leads to."""
    from lora_cli.models.checkpoints.shards import checkpoint_in, is_checkpoint

    if os.path.isdir(source):
        path, checkpoint = os.path.join(source, CONFIG), checkpoint_in(source)
    elif is_checkpoint(source):
        path, checkpoint = os.path.join(os.path.dirname(source), CONFIG), [source]
    else:
        return Config(read_config_object(source), quote_long(source)), []
    if os.path.lexists(path):
        return Config(read_object(path), quote_long(path)), checkpoint
    if not checkpoint:
        raise InvalidInput(
            f"{quote_long(source)} has neither a config.json nor a safetensors checkpoint; {_instead(source)}"
        )
    return None, checkpoint


def _instead(folder: str) -> str:
    """Return what to do about a folder without a readable model."""
    names = names_in(folder)
    if ADAPTER_CONFIG in names:
        return f"it is an adapter, which goes to {argument('adapter')}, with its base model as {argument('model')}"
    if any(name.endswith(UNPICKLED) for name in names):
        return "its weights would have to be unpickled, which can run any program; save them as safetensors"
    return "give a folder with one of them"


def _compared(model: Model, checkpoint: list[str]) -> Model:
    """Return the model, with a warning if its checkpoint differs."""
    if not checkpoint:
        return model
    from lora_cli.models.checkpoints.comparison import difference
    from lora_cli.models.checkpoints.packings import unpacked
    from lora_cli.models.checkpoints.shards import read_checkpoint

    stored = unpacked(read_checkpoint(checkpoint))
    differs = difference(model, stored.parameters)
    if differs is None:
        return model
    return replace(model, warnings=(*model.warnings, f"{quote_long(checkpoint[0])}: {differs}"))


def _without_family(config: Config, checkpoint: list[str], source: str, unknown: UnknownArchitecture) -> Model:
    from lora_cli.models.sources.installed_transformers import build, is_installed

    if is_installed():
        return _compared(build(config, source), checkpoint)
    if checkpoint:
        return _by_shapes(checkpoint, source, str(unknown))
    raise InvalidInput(
        f"{unknown}; install torch and transformers, which can build it, or give its safetensors checkpoint"
    ) from unknown


def _by_shapes(checkpoint: list[str], source: str, reason: str) -> Model:
    from lora_cli.models.checkpoints.by_shape import model_of_shapes
    from lora_cli.models.checkpoints.packings import unpacked
    from lora_cli.models.checkpoints.shards import read_checkpoint

    stored = unpacked(read_checkpoint(checkpoint))
    if not any(parameter.params for parameter in stored.parameters):
        raise InvalidInput(f"{quote_long(source)} does not hold any parameters; give another checkpoint")
    how = "modules are derived from the names and shapes in the checkpoint"
    doubt = "the model itself may count tied weights and experts differently"
    warnings = [f"{reason}, so {how}; {doubt}"]
    if stored.unknown:
        warnings.append(
            f"{quote_long(source)}: taken for buffers: {counted(stored.unknown, 'integer tensor')}; "
            "if they are packed weights, full_params is too small"
        )
    return model_of_shapes(stored.parameters, source, tuple(warnings))
