"""The names that subjects have in a lock."""

from __future__ import annotations

import os

from lora_cli.analysis.result import Record


def path_key(path: str, lock: str) -> str:
    """Return the key of a file or a folder: its path from the lock's folder.

    It is the same from any working directory. It has a slash, which no model's name has.
    """
    key = os.path.relpath(_real(path), os.path.dirname(_real(lock))).replace(os.sep, "/")
    return key if "/" in key else f"./{key}"


def is_path_key(key: str) -> bool:
    """Whether a key is that of a path."""
    return "/" in key


def path_of_key(key: str, lock: str) -> str:
    """Return the path that a key stands for."""
    return os.path.join(os.path.dirname(_real(lock)), key)


def count_key(record: Record, adapter: str | None, lock: str) -> str:
    """Return the key of a count: its adapter's folder, its model's path or name, or the matrix, e.g. `4096 x 14336`."""
    model = record.get("model")
    if not isinstance(model, str):
        return f"{record['d']} x {record['h']}"
    if adapter is not None:
        return path_key(adapter if os.path.isdir(adapter) else os.path.dirname(adapter) or ".", lock)
    return path_key(model, lock) if os.path.lexists(model) else model.lower()


def _real(path: str) -> str:
    """Return the absolute path with links in its folder resolved; a link at its end has a name of its own."""
    folder, name = os.path.split(os.path.abspath(path))
    return os.path.join(os.path.realpath(folder), name)
