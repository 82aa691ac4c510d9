"""What `--model` can name, and how each becomes the same description.

A path that exists leads to a config.json, a checkpoint, or both; a name leads to a preset. The architecture
that a config.json names is written down here, or built by an installed transformers; a checkpoint confirms
the first, and stands in, by its names and shapes, where there is neither.
"""

from __future__ import annotations

import os
from dataclasses import replace

from lora_cli.errors import InvalidInput, quote_long
from lora_cli.models.architectures import UnknownArchitecture
from lora_cli.models.config import Config
from lora_cli.models.files import names_in, read_object
from lora_cli.models.model import Model, read_config

CONFIG = "config.json"
ADAPTER_CONFIG = "adapter_config.json"
UNPICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
UNREAD = (".gguf", ".ggml", ".h5", ".msgpack", ".onnx")


def read_model(source: str) -> Model:
    """Return the model that `source` names. A path that exists wins over a preset's name."""
    name = source.lower()
    if name.endswith(UNPICKLED):
        raise InvalidInput(
            f"{quote_long(source)} would have to be unpickled, which can run any program; "
            "give its config.json, or save it as safetensors"
        )
    if name.endswith(UNREAD):
        raise InvalidInput(f"{quote_long(source)} is no safetensors file, and no other is read; give its config.json")
    if not os.path.lexists(source) and not name.endswith((".json", ".safetensors")):
        return read_preset(source)
    config, checkpoint = _found(source)
    if config is None:
        return _by_shapes(checkpoint, source, f"{quote_long(source)} has no config.json beside it")
    try:
        model = read_config(config, source)
    except UnknownArchitecture as unknown:
        return _without_architecture(config, checkpoint, source, unknown)
    return _confirmed(model, checkpoint)


def read_preset(name: str) -> Model:
    """Return the bundled model called `name`."""
    from lora_cli.models.sources.preset import preset

    return read_config(Config(preset(name), f"preset {name}"), name)


def _found(source: str) -> tuple[Config | None, list[str]]:
    """Return the config.json and the files of the checkpoint that a path leads to."""
    from lora_cli.models.checkpoints.shards import checkpoint_in, is_checkpoint

    if os.path.isdir(source):
        path, checkpoint = os.path.join(source, CONFIG), checkpoint_in(source)
    elif is_checkpoint(source):
        path, checkpoint = os.path.join(os.path.dirname(source), CONFIG), [source]
    else:
        return Config(read_object(source), quote_long(source)), []
    if os.path.lexists(path):
        return Config(read_object(path), quote_long(path)), checkpoint
    if not checkpoint:
        raise InvalidInput(
            f"{quote_long(source)} holds no config.json and no safetensors checkpoint; {_instead(source)}"
        )
    return None, checkpoint


def _instead(folder: str) -> str:
    """Say what to do about a folder that holds no model that can be read."""
    names = names_in(folder)
    if ADAPTER_CONFIG in names:
        return "it is an adapter's, which goes to --adapter, with its base model as --model"
    if any(name.endswith(UNPICKLED) for name in names):
        return "its weights would have to be unpickled, which can run any program; save them as safetensors"
    return "give a folder that has one of them"


def _confirmed(model: Model, checkpoint: list[str]) -> Model:
    """Return the model, with a warning if its checkpoint holds something else."""
    if not checkpoint:
        return model
    from lora_cli.models.checkpoints.comparison import difference
    from lora_cli.models.checkpoints.packings import unpacked
    from lora_cli.models.checkpoints.shards import read_checkpoint

    stored = unpacked(read_checkpoint(checkpoint))
    found = difference(model, stored.parameters)
    if found is None:
        return model
    return replace(model, warnings=(*model.warnings, f"{quote_long(checkpoint[0])}: {found}"))


def _without_architecture(config: Config, checkpoint: list[str], source: str, unknown: UnknownArchitecture) -> Model:
    from lora_cli.models.sources.installed_transformers import build, is_installed

    if is_installed():
        return _confirmed(build(config, source), checkpoint)
    if checkpoint:
        return _by_shapes(checkpoint, source, str(unknown))
    raise InvalidInput(
        f"{unknown}; install torch and transformers to have it built by them, or give its safetensors checkpoint"
    ) from unknown


def _by_shapes(checkpoint: list[str], source: str, reason: str) -> Model:
    from lora_cli.models.checkpoints.by_shape import model_of_shapes
    from lora_cli.models.checkpoints.packings import unpacked
    from lora_cli.models.checkpoints.shards import read_checkpoint

    stored = unpacked(read_checkpoint(checkpoint))
    if not any(parameter.params for parameter in stored.parameters):
        raise InvalidInput(f"{quote_long(source)} holds no parameters; give another checkpoint")
    how = "modules are read from the names and shapes of the checkpoint"
    doubt = "tied weights that are stored twice, and experts, may count otherwise in the model itself"
    warnings = [f"{reason}, so {how}; {doubt}"]
    if stored.unknown:
        warnings.append(
            f"{quote_long(source)}: {len(stored.unknown)} tensors of integers such as {quote_long(stored.unknown[0])} are taken for "
            "buffers; if they are packed weights, full_params is too small"
        )
    return model_of_shapes(stored.parameters, source, tuple(warnings))
