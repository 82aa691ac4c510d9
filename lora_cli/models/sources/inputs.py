"""Which files an answer about a path is read from, so that none of them is replaced by the answer."""

from __future__ import annotations

import os
from collections.abc import Iterator

from lora_cli.models.checkpoints.shards import is_checkpoint
from lora_cli.models.peft_names import ADAPTER_CONFIG
from lora_cli.models.sources.local_files import CONFIG


def is_input(path: str, source: str) -> bool:
    """Return whether `path` leads to a file that may be read for `source`.

    `source` is a path or FILE:TENSOR. A path stands for itself and for the configs and checkpoints in its folder,
    under any name. A text that is not a path of a file or folder has no input.
    """
    if not os.path.isfile(path):
        return False
    return any(_is_same_file(path, member) for member in _members(_existing(source)))


def _existing(source: str) -> str | None:
    """Return the longest start of the text, up to a colon, that is a path."""
    while not os.path.lexists(source):
        source, colon, _ = source.rpartition(":")
        if not colon:
            return None
    return source


def _members(path: str | None) -> Iterator[str]:
    if path is None:
        return
    yield path
    folder = path if os.path.isdir(path) else os.path.dirname(path) or "."
    try:
        names = os.listdir(folder)
    except OSError:
        # What cannot be listed is not read by name either.
        return
    yield from (os.path.join(folder, name) for name in names if name in {CONFIG, ADAPTER_CONFIG} or is_checkpoint(name))


def _is_same_file(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False
