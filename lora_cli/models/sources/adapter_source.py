"""Where the files of an adapter are: in a folder, or in a repository on the Hub."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from lora_cli.errors import InvalidInput, argument, quote_long
from lora_cli.models.peft_names import ADAPTER_CONFIG, ADAPTER_WEIGHTS, PICKLED_WEIGHTS
from lora_cli.models.sources.hub_name import HubName, hub_name
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


def name_on_hub(text: str) -> HubName | None:
    """Return the Hub name that a text is; a path that exists, a stream and the name of a file are none."""
    if os.path.lexists(text) or is_stream(text) or text.endswith(FILES):
        return None
    return hub_name(text)


def adapter_config_file(text: str) -> ConfigFile:
    """Return where the adapter_config.json is that a path, its folder, a stream or a Hub name leads to."""
    name = name_on_hub(text)
    if name is not None:
        from lora_cli.models.sources.hub_files import HubFiles

        return _config_on_hub(name, HubFiles(name))
    path = os.path.join(text, ADAPTER_CONFIG) if os.path.isdir(text) else text
    return ConfigFile(path, quote_long(path))


def adapter_on_hub(name: HubName) -> HubAdapter:
    """Return the trained adapter in a repository."""
    from lora_cli.models.sources.hub_files import HubFiles

    files = HubFiles(name)
    config = _config_on_hub(name, files)
    if files.cached_path(ADAPTER_WEIGHTS) is not None:
        return HubAdapter(config)
    header = files.header(ADAPTER_WEIGHTS)
    if header is not None:
        return HubAdapter(config._replace(notes=files.notes), header)
    if PICKLED_WEIGHTS in files.names():
        raise pickled_weights(str(name))
    raise InvalidInput(
        f"{quote_long(str(name))} has no {ADAPTER_WEIGHTS}; to count only its config, give it to count as {argument('adapter')}"
    )


def pickled_weights(source: str) -> InvalidInput:
    """Return the error for an adapter whose weights are only pickled."""
    return InvalidInput(
        f"{quote_long(source)} has only {PICKLED_WEIGHTS}, which would have to be unpickled and can run any program; "
        "if you trust it, load it with PEFT and save it with save_pretrained, which writes safetensors"
    )


def _config_on_hub(name: HubName, files: HubFiles) -> ConfigFile:
    path = files.path(ADAPTER_CONFIG)
    if path is None:
        raise InvalidInput(
            f"{quote_long(str(name))} has no {ADAPTER_CONFIG}, so it is not an adapter; a model goes to {argument('model')}"
        )
    return ConfigFile(path, quote_long(f"{name}/{ADAPTER_CONFIG}"), files.commit, files.notes)
