"""The formats of adapter files by name, and which of them a file is in: by its keys, never by its own name."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from itertools import chain
from typing import NamedTuple

from lora_cli.methods.adapter_file import formats
from lora_cli.methods.adapter_file.format import Fields, Format, Metadata, Part

# The format of a folder whose adapter_config.json PEFT reads.
PEFT = "peft"


class Recognition(NamedTuple):
    """The format of a file, what its keys name, and the keys of other formats by the format's name."""

    format: Format
    parts: Mapping[str, Part]
    others: Mapping[str, tuple[str, ...]]


@cache
def format_names() -> tuple[str, ...]:
    """Return the names of all formats: PEFT's first, then in alphabetic order."""
    stems = (name.removesuffix(".py") for name in os.listdir(formats.__path__[0]) if name.endswith(".py"))
    return tuple(sorted((stem for stem in stems if not stem.startswith("_")), key=lambda stem: (stem != PEFT, stem)))


def format_named(name: str) -> Format:
    """Return the declaration of a format that is known.

    >>> format_named("kohya").title
    'kohya / LyCORIS'
    """
    declared: Format = import_module(f"{formats.__name__}.{name}").FORMAT
    return declared


def recognised(keys: Iterable[str], metadata: Metadata, fields: Fields) -> Recognition | None:
    """Return the format that understands most keys of a file; None if half of the keys are of no format.

    Where two understand equally many, the metadata or the config beside the file decides, then the order of names. A
    model may have some key that looks like an adapter's.
    """
    keys = tuple(keys)
    found = []
    for declared in map(format_named, format_names()):
        parts = {key: part for key in keys if (part := declared.part(key)) is not None}
        found.append((declared, parts))
    chosen, own = max(found, key=lambda each: (len(each[1]), each[0].is_marked(metadata, fields)))
    others = {
        declared.name: rest
        for declared, parts in found
        if declared is not chosen and (rest := tuple(key for key in parts if key not in own))
    }
    if 2 * (len(own) + len(set(chain(*others.values())))) <= len(keys):
        return None
    return Recognition(chosen, own, others)


def marked_as(metadata: Metadata, fields: Fields) -> tuple[str, ...]:
    """Return the formats whose writers' marks are in a file's metadata or beside it."""
    return tuple(name for name in format_names() if format_named(name).is_marked(metadata, fields))
