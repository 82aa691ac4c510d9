"""The choice of a reader for the SOURCE of a model."""

from __future__ import annotations

import os

from lora_cli.errors import InvalidInput, quote_long
from lora_cli.models.files import path_text
from lora_cli.models.model import Model, Source
from lora_cli.models.sources.local_files import UNPICKLED, read_files
from lora_cli.models.streams import is_stream

UNREAD = (".gguf", ".ggml", ".h5", ".msgpack", ".onnx")


def read_model(source: Source) -> Model:
    """Return the model of a source: a path that exists, or else the name of a preset. A model is returned as it is."""
    if isinstance(source, Model):
        return source
    source = path_text("model", source)
    name = source.lower()
    if name.endswith(UNPICKLED):
        raise InvalidInput(
            f"{quote_long(source)} would have to be unpickled, which can run any program; "
            "give its config.json, or save it as safetensors"
        )
    if name.endswith(UNREAD):
        raise InvalidInput(
            f"{quote_long(source)} is not a safetensors file, the only format of weights that is read; give its config.json"
        )
    if is_stream(source) or os.path.lexists(source) or name.endswith((".json", ".safetensors")):
        return read_files(source)
    from lora_cli.models.sources.preset import read_preset

    return read_preset(source)
