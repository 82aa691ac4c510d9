"""The methods that have a replay, by name: a file each in `adapters`, imported when it is asked for."""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module

from lora_cli.analysis.memory.replay.adapter import Adapter

FOLDER = os.path.join(os.path.dirname(__file__), "adapters")


@cache
def known_methods() -> tuple[str, ...]:
    """Return the methods that have a replay."""
    with os.scandir(FOLDER) as entries:
        names = {entry.name for entry in entries}
    return tuple(sorted(name.removesuffix(".py") for name in names if name.endswith(".py") and name[0] != "_"))


def adapter_of(method: str) -> Adapter:
    """Return the forward passes of a method that has a replay."""
    adapter: Adapter = import_module(f"lora_cli.analysis.memory.replay.adapters.{method}").ADAPTER
    return adapter
