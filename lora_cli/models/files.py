"""Files that may be anything: only a regular one is opened, and read as JSON only if its size is sane."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from lora_cli.errors import InvalidInput, quote_long

MAX_JSON_BYTES = 64 * 2**20
# What JSON calls the types that Python makes of it.
JSON = {list: "an array", str: "a string", int: "a number", float: "a number", bool: "a boolean", type(None): "null"}


# The device and the number of each file that was opened: what is read is never what is written.
_READ: set[tuple[int, int]] = set()


def was_read(path: str) -> bool:
    """Whether a path leads to a file that was opened here."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return False
    return (status.st_dev, status.st_ino) in _READ


@contextmanager
def opened(path: str) -> Iterator[tuple[BinaryIO, int]]:
    """Give the regular file at `path`, and its size in bytes, or refuse what it is instead."""
    with _readable(path):
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            raise InvalidInput(f"{quote_long(path)} is no regular file; give the path of one")
        with open(path, "rb") as file:
            _READ.add((status.st_dev, status.st_ino))
            yield file, status.st_size


def names_in(folder: str) -> list[str]:
    """Return the names in a folder, sorted."""
    with _readable(folder):
        return sorted(os.listdir(folder))


@contextmanager
def _readable(path: str) -> Iterator[None]:
    try:
        yield
    except InvalidInput:
        raise
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InvalidInput(f"cannot read {quote_long(path)}: {reason}; give a path that can be read") from error


def read_object(path: str, what: str = "a config") -> dict[str, Any]:
    """Return the JSON object that the file at `path` holds, or refuse what it is instead of `what` it should be."""
    with opened(path) as (file, size):
        if size > MAX_JSON_BYTES:
            raise InvalidInput(
                f"{quote_long(path)} has {size} bytes; {what} has at most {MAX_JSON_BYTES}, so this is another file"
            )
        content = file.read(MAX_JSON_BYTES + 1)
    try:
        value = json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{quote_long(path)} is no text in UTF-8, so it is no JSON") from error
    except (ValueError, RecursionError) as error:
        # Python's own word on a number of thousands of digits tells how to allow it.
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error).partition("; use sys.")[0]
        raise InvalidInput(f"{quote_long(path)} is no JSON: {reason}") from error
    if not isinstance(value, dict):
        raise InvalidInput(f"{quote_long(path)} holds {JSON[type(value)]}; {what} is a JSON object")
    return value
