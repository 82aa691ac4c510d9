"""Read the trained adapter that a path or a Hub name leads to, in whatever format it is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lora_cli.errors import InvalidInput, argument, quote_long
from lora_cli.methods.adapter_file.foreign_adapter import foreign_adapter
from lora_cli.methods.adapter_file.format_registry import format_named, format_names, recognised
from lora_cli.methods.adapter_file.trained_adapter import TrainedAdapter
from lora_cli.methods.config.reading import no_peft_type, read_adapter_config
from lora_cli.models.checkpoints.safetensors_header import BrokenFile, read_whole_header
from lora_cli.models.config import Config
from lora_cli.models.files import path_text, read_object
from lora_cli.models.peft_names import ADAPTER_CONFIG, ADAPTER_FILES, ADAPTER_WEIGHTS, PICKLED_WEIGHTS
from lora_cli.models.sources.adapter_source import (
    SingleFile,
    adapter_on_hub,
    name_on_hub,
    pickled_weights,
    single_file,
    single_file_on_hub,
)
from lora_cli.models.sources.hub_name import HubName
from lora_cli.models.sources.local_files import CONFIG

if TYPE_CHECKING:
    from lora_cli.models.sources.hub_files import HubFiles


def adapter_folder(path: str) -> str | None:
    """Return the folder of the adapter that a path leads to, or None where there is no adapter.

    The path is that folder or one of PEFT's files in it.
    """
    if os.path.basename(path) in ADAPTER_FILES:
        return os.path.dirname(path)
    if not os.path.isdir(path):
        return None
    return path if any(os.path.lexists(os.path.join(path, name)) for name in ADAPTER_FILES) else None


def is_foreign(path: str) -> bool:
    """Whether a path is an adapter in a file of another format than PEFT's; a model's folder and a broken file are not.

    The header of a safetensors file is read to know.
    """
    if os.path.lexists(os.path.join(path, CONFIG)):
        return False
    with suppress(InvalidInput):
        return _foreign(single_file(path), {}) is not None
    return False


def is_foreign_on_hub(files: HubFiles) -> bool:
    """Whether a repository without any config is an adapter in a file of another format than PEFT's."""
    with suppress(InvalidInput):
        return _foreign(single_file_on_hub(files.name, files), {}) is not None
    return False


def has_weights(folder: str) -> bool:
    """Whether a folder has an adapter's weights, in safetensors or pickled."""
    return any(os.path.lexists(os.path.join(folder, name)) for name in (ADAPTER_WEIGHTS, PICKLED_WEIGHTS))


def read_adapter(path: str | os.PathLike[str]) -> TrainedAdapter:
    """Return the adapter in a folder, the one that a path to one of its files names, or the one of a Hub name.

    Raise `InvalidInput` for a folder without a config or weights, for pickled weights, and for a broken config or
    file.
    """
    found = adapter_without_tensors(path_text("path", path))
    return replace(found, tensors=found.stored())


def adapter_without_tensors(path: str) -> TrainedAdapter:
    """Return the adapter as its config describes it, without the tensors; their file exists but may be broken.

    A file in another format than PEFT's describes itself, so its header is read.
    """
    name = name_on_hub(path)
    if name is not None:
        return _on_hub(path, name)
    folder = adapter_folder(path)
    config = None if folder is None else os.path.join(folder, ADAPTER_CONFIG)
    if folder is None or config is None:
        foreign = _foreign(single_file(path), {})
        if foreign is not None:
            return foreign
        raise InvalidInput(
            f"{quote_long(path)} is not a trained adapter; give a folder with {ADAPTER_CONFIG} and {ADAPTER_WEIGHTS}, "
            f"as PEFT saves it, a safetensors file of {_other_titles()}, or a name on the Hub"
        )
    fields = read_object(config) if os.path.lexists(config) else None
    if fields is None or fields.get("peft_type") is None:
        # What is wrong with a config says more than what is wrong with the file.
        with suppress(BrokenFile):
            foreign = _foreign(single_file(path if fields is None else folder or os.curdir), fields or {})
            if foreign is not None:
                return replace(foreign, name=path)
    if fields is None:
        raise InvalidInput(
            f"{quote_long(path)} has no {ADAPTER_CONFIG}, which says what its tensors mean; "
            "copy it from where the adapter was trained"
        )
    _check_weights(folder, path)
    return _read(path, folder, fields, quote_long(config))


def _other_titles() -> str:
    """Return the programs whose files are read beside PEFT's."""
    *first, last = (format_named(name).title for name in format_names() if format_named(name).updates is not None)
    return f"{', '.join(first)} or {last}" if first else last


def _on_hub(path: str, name: HubName) -> TrainedAdapter:
    from lora_cli.models.sources.hub_files import HubFiles

    files = HubFiles(name)
    config = files.path(ADAPTER_CONFIG)
    fields = {} if config is None else read_object(config)
    if fields.get("peft_type") is None:
        with suppress(*() if config is None else (BrokenFile,)):
            foreign = _foreign(single_file_on_hub(name, files), fields)
            if foreign is not None:
                return foreign
    file, header = adapter_on_hub(name, files)
    read = _read(path, os.path.dirname(file.path), fields, file.name)
    return replace(read, header=header, revision=file.revision, notes=file.notes)


def _foreign(source: SingleFile | None, fields: Mapping[str, Any]) -> TrainedAdapter | None:
    """Return the adapter in a file of another format than PEFT's, or None if it is not one."""
    if source is None:
        return None
    header = read_whole_header(source.path) if source.header is None else source.header.whole()
    found = recognised(header.tensors, header.metadata, fields)
    return None if found is None or found.format.updates is None else foreign_adapter(source, header, fields, found)


def _read(path: str, folder: str, fields: Mapping[str, Any], source: str) -> TrainedAdapter:
    own = Config(fields, source)
    if fields.get("peft_type") is None:
        raise no_peft_type(own)
    read, unknown = read_adapter_config(own)
    return TrainedAdapter(path, folder, fields, read, tuple(unknown))


def _check_weights(folder: str, path: str) -> None:
    if os.path.lexists(os.path.join(folder, ADAPTER_WEIGHTS)):
        return
    if os.path.lexists(os.path.join(folder, PICKLED_WEIGHTS)):
        raise pickled_weights(path)
    raise InvalidInput(
        f"{quote_long(path)} has no {ADAPTER_WEIGHTS}; to count only its config, give it to count as {argument('adapter')}"
    )
