"""Files that may be anything: only a regular file of a sane size is read, and only as JSON."""

from __future__ import annotations

import json
import os
import stat
from typing import Any

from lora_cli.errors import InvalidInput, quote

MAX_JSON_BYTES = 64 * 2**20


def read_object(path: str) -> dict[str, Any]:
    """Return the JSON object that the file at `path` holds, or refuse what it is instead."""
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            raise InvalidInput(f"{quote(path)} is no regular file; give the path of a JSON file")
        if status.st_size > MAX_JSON_BYTES:
            raise InvalidInput(
                f"{quote(path)} has {status.st_size} bytes; a config has at most {MAX_JSON_BYTES}, so this is another file"
            )
        with open(path, "rb") as file:
            content = file.read(MAX_JSON_BYTES + 1)
    except (OSError, ValueError) as error:
        if isinstance(error, InvalidInput):
            raise
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InvalidInput(f"cannot read {quote(path)}: {reason}; give a path that can be read") from error
    try:
        value = json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{quote(path)} is no text in UTF-8, so it is no JSON") from error
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise InvalidInput(f"{quote(path)} is no JSON: {reason}") from error
    if not isinstance(value, dict):
        raise InvalidInput(f"{quote(path)} holds {quote(type(value).__name__)}; a config is a JSON object")
    return value
