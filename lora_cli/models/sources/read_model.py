"""The choice of a reader for the SOURCE of a model."""

from __future__ import annotations

import os

from lora_cli.errors import InvalidInput, UnreadableFile, argument, question, quote, quote_long
from lora_cli.models.files import path_text
from lora_cli.models.model import Model, Source
from lora_cli.models.network import network_use
from lora_cli.models.sources.hub_name import hub_name, not_a_name, refuse_address
from lora_cli.models.sources.local_files import read_files
from lora_cli.models.sources.other_formats import pickles_in, unread_in, why_unread
from lora_cli.models.streams import is_stream


def read_model(source: Source, *, offline: bool = False) -> Model:
    """Return the model of a source. A model is returned as it is.

    A source is the first of these that fits: a path that exists, the name of a preset or a Hub name that the preset
    stands for, and a Hub name (org/name or org/name@revision), which is looked up in the Hub's local cache and then,
    unless `offline`, on the Hub.
    """
    if isinstance(source, Model):
        return source
    if isinstance(source, list | tuple):
        raise InvalidInput(
            f"{argument('model')}: {quote(source)} is not one model; give one, or compare several with {question('sweep')}"
        )
    source = path_text("model", source)
    refuse_address(source)
    if is_path(source):
        return read_files(source)
    from lora_cli.models.sources.preset import is_preset, read_preset

    # A text without a slash is nothing but a preset.
    if "/" not in source or is_preset(source):
        return read_preset(source)
    name = hub_name(source)
    if name is None:
        raise not_a_name("model", source)
    from lora_cli.models.sources.hub_model import read_hub_model

    with network_use(offline=offline):
        return read_hub_model(name)


def is_path(source: str) -> bool:
    """Whether a text is a path: one that exists, or the name of a file. Weights in a format that is not read are refused."""
    name = source.lower()
    if pickles_in([source]):
        raise UnreadableFile(f"{why_unread([source])}, or give its config.json")
    if unread_in([name]):
        raise InvalidInput(
            f"{quote_long(source)} is not a safetensors file, the only format of weights that is read; give its config.json"
        )
    return is_stream(source) or _exists(source) or name.endswith((".json", ".safetensors"))


def _exists(path: str) -> bool:
    try:
        return os.path.lexists(path)
    except ValueError:
        # What has a NUL byte cannot be a path.
        return False
