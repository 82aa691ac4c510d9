"""Read the trained adapter that a path or a Hub name leads to, in whatever format it is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lora_cli.errors import InvalidInput, UnreadableFile, argument, first_few, quote_long
from lora_cli.methods.adapter_file.foreign_adapter import foreign_adapter
from lora_cli.methods.adapter_file.format_registry import PEFT, format_named, format_names, recognised
from lora_cli.methods.adapter_file.trained_adapter import TrainedAdapter
from lora_cli.methods.config.reading import no_peft_type, read_adapter_config
from lora_cli.models.checkpoints.safetensors_header import BrokenFile, Header, read_whole_header
from lora_cli.models.checkpoints.shards import SAFETENSORS
from lora_cli.models.config import Config
from lora_cli.models.files import hint_below, names_in, near_path, path_text, read_object
from lora_cli.models.peft_names import ADAPTER_CONFIG, ADAPTER_FILES, ADAPTER_WEIGHTS, PEFT_MODEL, PICKLED_WEIGHTS
from lora_cli.models.sources.adapter_source import (
    SingleFile,
    adapter_files,
    adapter_on_hub,
    adapters_below,
    name_on_hub,
    named_adapters,
    one_adapter,
    single_file,
    single_file_on_hub,
)
from lora_cli.models.sources.hub_name import HubName
from lora_cli.models.sources.local_files import CONFIG
from lora_cli.models.sources.other_formats import pickles_in, unread_in, why_unread
from lora_cli.models.streams import is_stream

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
    """Whether a path is an adapter without PEFT's folder around it; a model's folder and a broken file are not.

    The header of a safetensors file is read to know.
    """
    if os.path.lexists(os.path.join(path, CONFIG)):
        return False
    with suppress(InvalidInput):
        return _of_single_file(path) is not None
    return False


def is_adapter(path: str) -> bool:
    """Whether a path leads to one adapter, in whatever format it is."""
    return adapter_folder(path) is not None or is_foreign(path)


def adapter_key(path: str) -> str:
    """Return what all paths to one adapter have in common; a stream and a path that does not exist are their own."""
    if is_stream(path) or not os.path.lexists(path):
        return path
    folder = adapter_folder(path)
    if folder is None and os.path.isdir(path) and is_foreign(path):
        source = single_file(path, _file_names())
        folder = None if source is None else source.path
    return os.path.realpath(path if folder is None else folder)


def is_foreign_on_hub(files: HubFiles) -> bool:
    """Whether a repository without any config is an adapter in a file of another format than PEFT's."""
    with suppress(InvalidInput):
        source = single_file_on_hub(files.name, files, _file_names())
        return source is not None and _from_file(source, {}, is_alone=False) is not None
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
    """Return the adapter as its config describes it; where its file is broken, without the tensors."""
    name = name_on_hub(path)
    if name is not None:
        return _on_hub(path, name)
    if not os.path.lexists(path) and not is_stream(path):
        hint = near_path(path) or "give the folder or the file of a trained adapter, or a name on the Hub, org/name"
        raise InvalidInput(f"{quote_long(path)} does not exist; {hint}")
    folder = adapter_folder(path)
    if folder is None:
        return _in_single_file(path)
    config = os.path.join(folder, ADAPTER_CONFIG)
    fields = read_object(config) if os.path.lexists(config) else None
    if fields is None or fields.get("peft_type") is None:
        # What is wrong with a config says more than what is wrong with the file.
        with suppress(BrokenFile):
            source = single_file(path if fields is None else folder or os.curdir, _file_names())
            found = None if source is None else _from_file(source, fields or {}, is_alone=os.path.isfile(path))
            if found is not None:
                return replace(found, name=path)
    if fields is None:
        raise InvalidInput(
            f"{quote_long(path)} has no {ADAPTER_CONFIG}, which says what its tensors mean; "
            f"copy it from where the adapter was trained, or give the path of {ADAPTER_WEIGHTS} to read it without alpha"
        )
    _check_weights(folder, path)
    read = _read(path, folder, fields, quote_long(config))
    with suppress(BrokenFile):
        return _of_keys(read, read_whole_header(read.weights))
    return read


def _of_keys(read: TrainedAdapter, header: Header) -> TrainedAdapter:
    """Return the adapter in PEFT's folder with its tensors; they may be of another format than the folder."""
    if not any(key.startswith(PEFT_MODEL) for key in header.tensors):
        found = recognised(header.tensors, header.metadata, {})
        if found is not None and found.format.name != PEFT:
            return foreign_adapter(SingleFile(read.name, read.weights), header, read.fields, found)
    return replace(read, tensors=header.tensors)


def adapter_paths(path: str) -> list[str]:
    """Return the adapters that a path leads to: those that a folder holds, in folders and a file, or the path itself.

    What lies below an adapter of PEFT, as the checkpoints of its training do, is not meant. Whoever reads a folder that
    nobody may list is told why.
    """
    try:
        return (_adapters_in(path) if os.path.isdir(path) else []) or [path]
    except UnreadableFile:
        return [path]


def _adapters_in(folder: str) -> list[str]:
    """Return the adapters in a folder of several: all in folders of their names, and one in a file beside these."""
    if adapter_folder(folder) is not None:
        return []
    below = adapters_below(folder)
    if below and is_foreign(folder) and (loose := single_file(folder, _file_names())) is not None:
        return [loose.path, *below]
    return named_adapters(folder)


def _in_single_file(path: str) -> TrainedAdapter:
    """Return the adapter in a safetensors file, or in a folder that has none of PEFT's files."""
    inner = one_adapter(path) if os.path.isdir(path) else path
    if inner != path:
        return adapter_without_tensors(inner)
    found = _of_single_file(path)
    if found is not None:
        return found
    files = [os.path.join(path, name) for name in names_in(path)] if os.path.isdir(path) else [path]
    if pickles := pickles_in(files):
        raise UnreadableFile(why_unread(pickles))
    if others := unread_in(files):
        raise UnreadableFile(f"{first_few(others)}: its format is not read; give the adapter that it was made from")
    if below := hint_below(path, [ADAPTER_CONFIG]):
        raise InvalidInput(f"{quote_long(path)} is not a trained adapter; {below}")
    source = single_file(path, _file_names())
    why = "" if source is None else f": no tensor of {quote_long(source.path)} is named as one of an adapter"
    raise InvalidInput(
        f"{quote_long(path)} is not a trained adapter{why}; give a folder with {ADAPTER_CONFIG} and {ADAPTER_WEIGHTS}, "
        f"as PEFT saves it, a safetensors file of {_other_titles()}, or a name on the Hub"
    )


def _of_single_file(path: str) -> TrainedAdapter | None:
    """Return the adapter in the file that a path leads to, with the config beside it; None if there is none."""
    source = single_file(path, _file_names())
    if source is None:
        return None
    config = os.path.join(source.folder, ADAPTER_CONFIG)
    return _from_file(source, read_object(config) if os.path.lexists(config) else {}, is_alone=True)


def _from_file(source: SingleFile, fields: Mapping[str, Any], *, is_alone: bool) -> TrainedAdapter | None:
    """Return the adapter in a file, None if it is none; one of PEFT without its config only if it `is_alone`."""
    header = read_whole_header(source.path) if source.header is None else source.header.whole()
    found = recognised(header.tensors, header.metadata, fields)
    if found is None:
        return None
    if found.format.name == PEFT and not (is_alone and not fields):
        if not is_alone:
            return None
        read = _read(source.name, source.folder, fields, quote_long(os.path.join(source.folder, ADAPTER_CONFIG)))
        return replace(read, tensors=header.tensors, file=source.file)
    return foreign_adapter(source, header, fields, found)


def _file_names() -> frozenset[str]:
    """Return what the loaders of formats take from a folder of several files."""
    return frozenset(filter(None, (format_named(name).file_name for name in format_names())))


def _other_titles() -> str:
    """Return the programs whose files are read beside PEFT's."""
    *first, last = (format_named(name).title for name in format_names() if name != PEFT)
    return f"{', '.join(first)} or {last}"


def _on_hub(path: str, name: HubName) -> TrainedAdapter:
    files = adapter_files(name)
    config = files.path(ADAPTER_CONFIG)
    fields = {} if config is None else read_object(config)
    if fields.get("peft_type") is None:
        with suppress(*() if config is None else (BrokenFile,)):
            source = single_file_on_hub(name, files, _file_names())
            foreign = None if source is None else _from_file(source, fields, is_alone=False)
            if foreign is not None:
                return foreign
    file, header = adapter_on_hub(name, files)
    read = _read(path, os.path.dirname(file.path), fields, file.name)
    return replace(read, header=header, revision=file.revision, notes=file.notes)


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
        raise UnreadableFile(why_unread([os.path.join(folder, PICKLED_WEIGHTS)]))
    others = [name for name in names_in(folder) if name.lower().endswith(SAFETENSORS)]
    fix = f"to count only its config, give it to count as {argument('adapter')}"
    if len(others) == 1:
        fix = f"PEFT reads no other name: rename {quote_long(os.path.join(folder, others[0]))}, or give that path"
    raise InvalidInput(f"{quote_long(path)} has no {ADAPTER_WEIGHTS}; {fix}")
