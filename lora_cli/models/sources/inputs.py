"""Which files an answer about a path is read from, so that none of them is replaced by the answer."""

from __future__ import annotations

import os
from collections.abc import Iterator

from lora_cli.errors import InvalidInput
from lora_cli.models.checkpoints.shards import INDEX, is_checkpoint, shard_paths
from lora_cli.models.files import existing_start
from lora_cli.models.peft_names import ADAPTER_CONFIG
from lora_cli.models.sources.local_files import CONFIG


def is_input(path: str, source: str) -> bool:
    """Return whether `path` leads to a file that may be read for `source`.

    `source` is a path or FILE:TENSOR. A folder stands for the configs and checkpoints in it, with the shards that an
    index names; so does one of these files, and any other file for itself. Links are followed. A text that is not a
    path of a file or folder has no input.
    """
    if not os.path.isfile(path):
        return False
    return any(_is_same_file(path, member) for member in _members(existing_start(source)))


def _members(path: str | None) -> Iterator[str]:
    if path is None:
        return
    yield path
    if os.path.isdir(path):
        folder = path
    elif _is_read_with_others(os.path.basename(path)):
        folder = os.path.dirname(path) or "."
    else:
        return
    try:
        names = os.listdir(folder)
    except OSError:
        # What cannot be listed is not read by name either.
        return
    for member in (os.path.join(folder, name) for name in names if _is_read_with_others(name)):
        yield member
        if member.endswith(INDEX):
            yield from _shards(member)


def _is_read_with_others(name: str) -> bool:
    return name in {CONFIG, ADAPTER_CONFIG} or is_checkpoint(name)


def _shards(index: str) -> list[str]:
    try:
        return shard_paths(index)
    except InvalidInput:
        # An index that is refused leads to nothing.
        return []


def _is_same_file(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False
