"""The files of a checkpoint: one .safetensors file, an index with its shards, or a folder with either."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping

from lora_cli.errors import InvalidInput, first_few, quote_long
from lora_cli.models.checkpoints.safetensors_header import Stored, read_header
from lora_cli.models.files import names_in, read_object
from lora_cli.models.peft_names import ADAPTER_WEIGHTS

SAFETENSORS = ".safetensors"
INDEX = ".safetensors.index.json"
# The files of transformers and of diffusers, which may stand beside others of the same values in half precision.
WHOLE = ("model.safetensors", "diffusion_pytorch_model.safetensors")
NUMBERED = re.compile(r"(?P<stem>.*)-(?P<number>\d{5})-of-(?P<count>\d{5})\.safetensors")


def is_checkpoint(path: str) -> bool:
    """Return whether a file name is that of a checkpoint or its index."""
    return path.lower().endswith((SAFETENSORS, INDEX))


def preferred(names: Iterable[str]) -> list[str]:
    """Return the file, the index or the shards among the files of a folder, as transformers and diffusers prefer them.

    Several that are not shards are several checkpoints.

    >>> preferred(["README.md", "model.safetensors.index.json", "model-00001-of-00001.safetensors"])
    ['model.safetensors.index.json']
    """
    own = [name for name in names if is_checkpoint(name) and name != ADAPTER_WEIGHTS]
    indexes = [name for name in own if name.endswith(INDEX)]
    shards = [name for name in own if NUMBERED.fullmatch(name)]
    return [name for name in WHOLE if name in own][:1] or indexes or shards or own


def checkpoint_in(folder: str) -> list[str]:
    """Return the path of the file or the index, or the paths of the shards, in a folder."""
    found = preferred(names_in(folder))
    if len(found) > 1 and not all(map(NUMBERED.fullmatch, found)):
        raise InvalidInput(f"{quote_long(folder)} holds several checkpoints: {first_few(found)}; name one of them")
    return [os.path.join(folder, name) for name in found]


def all_shards(names: Iterable[str]) -> list[str]:
    """Return the numbered shards among the files of a folder if none of them is missing, or nothing.

    >>> all_shards(["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json"])
    ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors']
    >>> all_shards(["model-00001-of-00002.safetensors"])
    []
    """
    numbered = list(filter(None, map(NUMBERED.fullmatch, names)))
    return [each[0] for each in numbered] if all(int(each["count"]) == len(numbered) for each in numbered) else []


def complete_checkpoint(folder: str) -> list[str]:
    """Return the same, or nothing where a shard is missing."""
    paths = checkpoint_in(folder)
    if not paths:
        return []
    first, *_ = paths
    if first.endswith(INDEX):
        return paths if all(map(os.path.lexists, shard_paths(first))) else []
    numbered = NUMBERED.fullmatch(os.path.basename(first))
    return paths if numbered is None or int(numbered["count"]) == len(paths) else []


def read_checkpoint(paths: list[str]) -> dict[str, Stored]:
    """Return the tensors of a file, of an index's shards, or of numbered shards without an index."""
    first = paths[0]
    if first.lower().endswith(INDEX):
        return _read_index(first)
    numbered = NUMBERED.fullmatch(os.path.basename(first))
    if numbered and int(numbered["count"]) != len(paths):
        raise InvalidInput(
            f"{quote_long(first)} is one of {int(numbered['count'])} shards, but only {len(paths)} of them are there; "
            "give the folder with all of them, or their index"
        )
    return together(map(read_header, paths))


def shard_paths(index: str) -> list[str]:
    """Return the paths of the shards that an index names."""
    folder = os.path.dirname(index)
    return [_shard(folder, place, index) for place in dict.fromkeys(weight_map(index).values())]


def weight_map(index: str) -> dict[str, str]:
    """Return the file of each tensor that an index names."""
    places = read_object(index).get("weight_map")
    if not isinstance(places, dict) or not places or not all(isinstance(place, str) for place in places.values()):
        raise InvalidInput(
            f"{quote_long(index)} does not have a weight_map from tensors to files; download or save it again"
        )
    return places


def _read_index(index: str) -> dict[str, Stored]:
    places = weight_map(index)
    folder = os.path.dirname(index)
    paths = {place: _shard(folder, place, index) for place in dict.fromkeys(places.values())}
    return indexed(places, {place: read_header(path) for place, path in paths.items()}, index)


def indexed(places: Mapping[str, str], headers: Mapping[str, dict[str, Stored]], index: str) -> dict[str, Stored]:
    """Return the tensors in the `headers` of an index's shards, each of which must be where the index says."""
    stored = together(headers.values())
    for name, place in places.items():
        if name not in headers[place]:
            raise InvalidInput(
                f"{quote_long(index)} says that {quote_long(name)} is in {quote_long(place)}, but it is not; download it again"
            )
    return stored


def _shard(folder: str, place: str, index: str) -> str:
    """Return the path of a shard, which must be a .safetensors file in the index's own folder.

    In the cache of the Hugging Face Hub, files below `snapshots/REVISION` are links into its `blobs`; these are followed.
    """
    path = os.path.join(folder, place)
    home, target = os.path.realpath(folder), _real(path)
    repository, snapshots, _ = home.rpartition(f"{os.sep}snapshots{os.sep}")
    homes = [home, os.path.realpath(f"{repository}{os.sep}blobs")] if snapshots else [home]
    if not place.endswith(SAFETENSORS) or not any(target.startswith(os.path.join(allowed, "")) for allowed in homes):
        raise InvalidInput(
            f"{quote_long(index)} names {quote_long(place)}; a shard must be a {SAFETENSORS} file in the folder of its index, "
            "and not a link out of it"
        )
    return path


def _real(path: str) -> str:
    """Return a path with its links followed, or nothing for a text that cannot be a path, e.g. with a NUL byte."""
    try:
        return os.path.realpath(path)
    except ValueError:
        return ""


def together(headers: Iterable[dict[str, Stored]]) -> dict[str, Stored]:
    """Return the tensors of all headers, none of which may be in two."""
    stored: dict[str, Stored] = {}
    for header in headers:
        if twice := stored.keys() & header.keys():
            name = min(twice)
            raise InvalidInput(
                f"{quote_long(name)} is in both {quote_long(stored[name].path)} and {quote_long(header[name].path)}; remove one of the files"
            )
        stored |= header
    return stored
