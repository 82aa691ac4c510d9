"""What `--model` can name: a config.json, a folder that has one, or a preset."""

from __future__ import annotations

import os

from lora_cli.errors import InvalidInput, quote
from lora_cli.models.config import Config
from lora_cli.models.files import read_object
from lora_cli.models.model import Model, read_config

CHECKPOINTS = (".safetensors", ".safetensors.index.json", ".gguf")
UNPICKLED = (".bin", ".pt", ".pth", ".ckpt")


def read_model(source: str) -> Model:
    """Return the model that `source` names. A path that exists wins over a preset's name."""
    if source.lower().endswith(UNPICKLED):
        raise InvalidInput(
            f"{quote(source)} would have to be unpickled, which can run any program; give its config.json instead"
        )
    if source.lower().endswith(CHECKPOINTS):
        raise InvalidInput(f"{quote(source)} is a checkpoint, which is not read yet; give the config.json beside it")
    if os.path.lexists(source):
        path = os.path.join(source, "config.json") if os.path.isdir(source) else source
        return read_config(Config(read_object(path), quote(path)), source)
    return read_preset(source)


def read_preset(name: str) -> Model:
    """Return the bundled model called `name`."""
    from lora_cli.models.presets import preset

    return read_config(Config(preset(name), f"preset {name}"), name)
