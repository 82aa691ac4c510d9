"""Where the files of an adapter are: in a folder, or in a repository on the Hub."""

from __future__ import annotations

import os
from collections.abc import Container
from typing import TYPE_CHECKING, NamedTuple

from lora_cli.errors import InvalidInput, UnreadableFile, argument, counted, question, quote_long
from lora_cli.models.checkpoints.shards import NUMBERED, SAFETENSORS, WHOLE, is_checkpoint
from lora_cli.models.files import hint_below, names_in
from lora_cli.models.peft_names import ADAPTER_CONFIG, ADAPTER_FILES, ADAPTER_WEIGHTS, PICKLED_WEIGHTS
from lora_cli.models.sources.hub_name import HubName, hub_name, is_meant_as_name, not_a_name, refuse_address
from lora_cli.models.sources.local_files import CONFIG
from lora_cli.models.sources.other_formats import PIPELINE, why_unread
from lora_cli.models.sources.preset import is_preset
from lora_cli.models.streams import is_stream

if TYPE_CHECKING:
    from lora_cli.models.sources.hub_files import HubFiles, RemoteHeader

# What ends like one of these is the name of a file.
FILES = (".json", ".safetensors", ".bin")


class ConfigFile(NamedTuple):
    """The path of an adapter_config.json and what messages call it; of one on the Hub its commit, and what was fetched."""

    path: str
    name: str
    revision: str | None = None
    notes: tuple[str, ...] = ()


class HubAdapter(NamedTuple):
    """A trained adapter on the Hub: its config, and the header of its weights, unless these are in the cache too."""

    config: ConfigFile
    header: RemoteHeader | None = None


class SingleFile(NamedTuple):
    """The one safetensors file that holds an adapter, and what messages call it.

    Of one on the Hub there is the commit, what was fetched, and the header unless the file is in the cache.
    """

    name: str
    path: str
    header: RemoteHeader | None = None
    revision: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        """The folder of the file."""
        return os.path.dirname(self.path)

    @property
    def file(self) -> str:
        """The name of the file in it."""
        return os.path.basename(self.path)


def name_on_hub(text: str) -> HubName | None:
    """Return the Hub name that a text is; a path that exists, a stream and the name of a file are none."""
    refuse_address(text)
    return hub_name(text) if _may_be_name(text) else None


def adapter_files(name: HubName) -> HubFiles:
    """Return the files of a repository that is to be an adapter; the name of a bundled model is refused."""
    from lora_cli.models.sources.hub_files import HubFiles

    if is_preset(name.repository):
        raise InvalidInput(f"{quote_long(str(name))} is a model, not an adapter; a model goes to {argument('model')}")
    return HubFiles(name, is_adapter=True)


def _may_be_name(text: str) -> bool:
    return not (os.path.lexists(text) or is_stream(text) or text.endswith(FILES))


def adapter_config_file(text: str) -> ConfigFile:
    """Return where the adapter_config.json is that a path, its folder, a stream or a Hub name leads to."""
    name = name_on_hub(text)
    if name is not None:
        return _config_on_hub(name, adapter_files(name))
    if _may_be_name(text) and is_meant_as_name(text):
        raise not_a_name("adapter", text)
    if text.lower().endswith(SAFETENSORS):
        raise InvalidInput(
            f"{quote_long(text)} is a safetensors file, which has weights and no configuration; give the adapter_config.json of a PEFT "
            f"adapter, or its folder; {question('inspect')} reads the weights of any"
        )
    path = os.path.join(one_adapter(text), ADAPTER_CONFIG) if os.path.isdir(text) else text
    if path != text and not os.path.lexists(path) and (below := hint_below(text, [ADAPTER_CONFIG])):
        raise InvalidInput(f"{quote_long(text)} has no {ADAPTER_CONFIG}; {below}")
    return ConfigFile(path, quote_long(path))


def named_adapters(folder: str) -> list[str]:
    """Return the folders of PEFT's adapters in a folder that is of no model or adapter itself; [] for any other.

    PEFT saves each adapter of a model but the default one in a folder of its name, and Trainer puts its logs beside them.
    """
    own = (*ADAPTER_FILES, CONFIG, PIPELINE)
    if any(is_checkpoint(name) or name in own for name in names_in(folder)):
        return []
    return adapters_below(folder)


def adapters_below(folder: str) -> list[str]:
    """Return the folders of PEFT's adapters in a folder, whatever else it holds."""
    folders = (os.path.join(folder, name) for name in names_in(folder))
    return [each for each in folders if os.path.lexists(os.path.join(each, ADAPTER_CONFIG))]


def one_adapter(folder: str) -> str:
    """Return the folder of the only adapter that is saved by its name in a folder, or the folder itself."""
    found = named_adapters(folder)
    if len(found) > 1:
        names = list(map(os.path.basename, found))
        raise InvalidInput(
            f"{quote_long(folder)} has {counted(names, 'adapter')}; give the path of one, e.g. {quote_long(found[0])}"
        )
    return found[0] if found else folder


def adapter_on_hub(name: HubName, files: HubFiles) -> HubAdapter:
    """Return the adapter of PEFT in a repository."""
    config = _config_on_hub(name, files)
    if files.cached_path(ADAPTER_WEIGHTS) is not None:
        return HubAdapter(config)
    header = files.header(ADAPTER_WEIGHTS)
    if header is not None:
        return HubAdapter(config._replace(notes=files.notes), header)
    if PICKLED_WEIGHTS in files.names():
        raise UnreadableFile(why_unread([f"{name}/{PICKLED_WEIGHTS}"]))
    raise InvalidInput(
        f"{quote_long(str(name))} has no {ADAPTER_WEIGHTS}; to count only its config, give it to count as {argument('adapter')}"
    )


def single_file(path: str, usual: Container[str] = ()) -> SingleFile | None:
    """Return the safetensors file that a path is, or the only one in a folder; None where there is none.

    Of several in a folder it is the only one with a `usual` name; else they are refused.
    """
    if not os.path.isdir(path):
        return SingleFile(path, path) if path.lower().endswith(SAFETENSORS) and os.path.lexists(path) else None
    names = _usual_of([name for name in names_in(path) if name.lower().endswith(SAFETENSORS)], usual)
    if len(names) > 1:
        example = quote_long(os.path.join(path, names[0]))
        raise InvalidInput(
            f"{quote_long(path)} has {counted(names, 'safetensors file')}; give the path of one, e.g. {example}"
        )
    return SingleFile(path, os.path.join(path, names[0])) if names else None


def _usual_of(names: list[str], usual: Container[str]) -> list[str]:
    """Return the only name that is usual, or else all names."""
    chosen = [name for name in names if name in usual]
    return chosen if len(chosen) == 1 else names


def single_file_on_hub(name: HubName, files: HubFiles, usual: Container[str] = ()) -> SingleFile | None:
    """Return the only safetensors file of a repository, by its header unless it is in the cache; None without one.

    The files of a model's checkpoint are not meant. Of several others it is the only one with a `usual` name; else they
    are refused.
    """
    cached = files.cached_names(SAFETENSORS)
    names = cached or [each for each in files.names() if each.endswith(SAFETENSORS) and "/" not in each]
    names = _usual_of([each for each in names if each not in WHOLE and not NUMBERED.fullmatch(each)], usual)
    if len(names) > 1:
        raise InvalidInput(
            f"{quote_long(str(name))} has {counted(names, 'safetensors file')}; download one with "
            f"`hf download {name.repository} FILE`, and give its path"
        )
    if not names:
        return None
    if (path := files.cached_path(names[0])) is not None:
        return SingleFile(str(name), path, revision=files.commit)
    header = files.header(names[0])
    return None if header is None else SingleFile(str(name), names[0], header, files.commit, files.notes)


def _config_on_hub(name: HubName, files: HubFiles) -> ConfigFile:
    path = files.path(ADAPTER_CONFIG)
    if path is None:
        raise InvalidInput(
            f"{quote_long(str(name))} has no {ADAPTER_CONFIG}, so it is not an adapter; a model goes to {argument('model')}"
        )
    return ConfigFile(path, quote_long(f"{name}/{ADAPTER_CONFIG}"), files.commit, files.notes)
