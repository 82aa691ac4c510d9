"""The files of a repository on the Hub: from the local cache, and only what that lacks over the network."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

from lora_cli.errors import InvalidInput, UnreadableFile, first_few, quote_long
from lora_cli.models.checkpoints.safetensors_header import Header, Stored, parse_header
from lora_cli.models.checkpoints.shards import (
    INDEX,
    SAFETENSORS,
    all_shards,
    complete_checkpoint,
    indexed,
    preferred,
    together,
    weight_map,
)
from lora_cli.models.files import json_object, names_in
from lora_cli.models.network import network_use, tracked, untracked
from lora_cli.models.sources.hub_cache import DEFAULT_REVISION, Snapshot, cached_snapshot
from lora_cli.models.sources.hub_name import HubName
from lora_cli.models.sources.other_formats import instead_of_others

if TYPE_CHECKING:
    from lora_cli.models.sources.hub import Hub

# What an entry of a header takes beside the name: type, shape and two offsets; and what stands around all entries.
ENTRY_BYTES, AROUND_BYTES = 160, 1024


class RemoteHeader(NamedTuple):
    """The header of a safetensors file that stays on the Hub: its bytes, the size of the file, and how to fetch a part."""

    name: str
    content: bytes
    size: int
    part: Callable[[int, int], bytes]

    def whole(self) -> Header:
        """Return the tensors of the file and its metadata; a header that is broken raises `BrokenFile`."""
        return parse_header(BytesIO(self.content), self.size, self.name)

    def tensors(self) -> dict[str, Stored]:
        """Return the tensors of the file by name."""
        return self.whole().tensors


class HubFiles:
    """The files of a repository, all of them of one commit."""

    def __init__(self, name: HubName, *, is_adapter: bool = False) -> None:
        """Look for the repository in the cache; one that `is_adapter` is not a misspelt model."""
        self.name = name
        self._is_adapter = is_adapter
        self._snapshot = cached_snapshot(name)
        self._hub: Hub | None = None
        # Whether anything of the snapshot was used; until then a newer one may take its place.
        self._is_read = False
        self._missing: set[str] = set()
        # All that the repository has, once that was asked.
        self._names: list[str] | None = None
        self._fetched: list[str] = []

    @property
    def commit(self) -> str | None:
        """The commit of what was read so far."""
        return None if self._snapshot is None else self._snapshot.commit

    @property
    def notes(self) -> tuple[str, ...]:
        """What was fetched, and at which commit."""
        if not self._fetched:
            return ()
        return (f"{self.name.repository}: fetched {first_few(self._fetched, str)} at commit {self.commit}",)

    def first_path(self, *files: str) -> str | None:
        """Return the path of the first of some files that the repository has; what the cache has comes first."""
        for file in files:
            if (path := self.cached_path(file)) is not None:
                return path
        return next((path for file in files if (path := self.path(file)) is not None), None)

    def path(self, file: str) -> str | None:
        """Return the path of a small file, which is fetched into the cache, or None if the repository lacks it."""
        if (path := self.cached_path(file)) is not None or self._lacks(file):
            return path
        hub = self._connection()
        fetched = hub.file(file)
        if fetched is None:
            self._missing.add(file)
            return None
        # What is not a config must not be found in the cache by others.
        try:
            json_object(fetched.content, f"{self.name}/{file}")
        except UnreadableFile as error:
            raise UnreadableFile(f"{error}; try again later, or give a path") from error
        self._snapshot = Snapshot(self.name.repository, str(hub.commit))
        self._fetched.append(file)
        return self._snapshot.store(file, fetched.etag, fetched.content, self.name.revision or DEFAULT_REVISION)

    def has(self, file: str) -> bool:
        """Whether the repository has a file, of which the answer is known already: it was asked for, or is in the cache."""
        return self.cached_path(file) is not None

    def cached_path(self, file: str) -> str | None:
        """Return the path of a file in the cache, or None if it is not there."""
        path = None if self._snapshot is None else self._snapshot.path(file)
        self._is_read = self._is_read or path is not None
        return path

    def cached_names(self, ending: str) -> list[str]:
        """Return the names in the cache that end so, without those in folders."""
        return (
            []
            if self._snapshot is None
            else [each for each in names_in(self._snapshot.folder) if each.endswith(ending)]
        )

    def local_checkpoint(self, folder: str = "") -> list[str]:
        """Return the files of the checkpoint in a folder if the cache has it as a whole, or nothing."""
        if self._snapshot is None or self._hub is not None:
            return []
        paths: list[str] = []
        with suppress(InvalidInput):
            paths = complete_checkpoint(os.path.join(self._snapshot.folder, folder))
        for path in paths:
            self._snapshot.path(os.path.join(folder, os.path.basename(path)))
        return paths

    def header(self, file: str, most: int | None = None) -> RemoteHeader | None:
        """Return the header of a safetensors file on the Hub, or None if the repository lacks it."""
        if self._lacks(file):
            return None
        hub = self._connection()
        fetched = hub.header(file) if most is None else hub.header(file, most)
        if fetched is None:
            return None
        self._fetched.append(f"the header of {file}")
        self._snapshot = self._snapshot or Snapshot(self.name.repository, str(hub.commit))
        size = fetched.size or len(fetched.content)
        return RemoteHeader(f"{self.name}/{file}", fetched.content, size, partial(hub.part, file))

    def tensors(self, folder: str = "") -> dict[str, Stored]:
        """Return the tensors of the checkpoint in a folder by the headers of its files.

        The list of files comes first, because asking for a file that may be missing is a request too.
        """
        names = self.names()
        inside = [name.removeprefix(f"{folder}/") for name in names if os.path.dirname(name) == folder]
        found = preferred(inside)
        place = os.path.join(folder, found[0]) if len(found) == 1 else ""
        if place.endswith(INDEX):
            # That a pipeline has no config.json of its own was a request too; its shards are named without the index.
            if folder and (shards := all_shards(inside)):
                return together(self._shards(folder, dict.fromkeys(shards)).values())
            if (index := self.path(place)) is not None:
                return self._indexed(folder, index)
        header = self.header(place) if place else None
        if header is not None:
            return header.tensors()
        several = f"it has several checkpoints: {first_few(found)}; download one of them, and give its path"
        reason = (several if found else instead_of_others(names)) or "give another model"
        raise InvalidInput(
            f"{quote_long(str(self.name))} has no safetensors checkpoint that is a whole model; {reason}"
        )

    def _indexed(self, folder: str, index: str) -> dict[str, Stored]:
        places = weight_map(index)
        sizes: Counter[str] = Counter()
        for name, place in places.items():
            sizes[place] += len(json.dumps(name)) + ENTRY_BYTES
        most = {place: AROUND_BYTES + size for place, size in sizes.items()}
        return indexed(places, self._shards(folder, most), index)

    def _shards(self, folder: str, most: Mapping[str, int | None]) -> dict[str, dict[str, Stored]]:
        """Return the tensors of shards, whose headers have about `most` bytes each if that is known."""
        shards = tracked(f"Fetching headers of {self.name.repository}", most.items(), len(most))
        return {place: self._shard(folder, place, size) for place, size in shards}

    def _shard(self, folder: str, place: str, most: int | None) -> dict[str, Stored]:
        repository = self.name.repository
        if "/" in place or not place.endswith(SAFETENSORS):
            raise InvalidInput(
                f"the index of {repository} names {quote_long(place)}; a shard must be a {SAFETENSORS} file beside it"
            )
        # One bar for all shards.
        with network_use(tracker=untracked):
            header = self.header(os.path.join(folder, place), most)
        if header is None:
            raise InvalidInput(f"{repository} has no {quote_long(place)}, which its index names; give another revision")
        return header.tensors()

    def names(self) -> list[str]:
        """Return the names of all files of the repository, or none if the Hub does not list them."""
        if self._names is None:
            self._names = self._connection().names()
        return self._names

    def _lacks(self, file: str) -> bool:
        """Whether the Hub has said that the repository does not have a file."""
        return file in self._missing or (bool(self._names) and file not in (self._names or ()))

    def _connection(self) -> Hub:
        """Return the connection to the Hub, at the commit of what is in the cache."""
        from lora_cli.models.sources.hub import Hub

        if self._hub is None:
            if not self._is_read:
                self._snapshot = None
            self._hub = Hub(self.name, self.commit, is_adapter=self._is_adapter)
        return self._hub
