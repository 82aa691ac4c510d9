"""Pieces of JSON that the JSON formats share."""

from __future__ import annotations

import json
from collections.abc import Sequence


def json_text(value: object) -> str:
    """Return `value` as ASCII JSON; NaN and infinity, which JSON does not have, are a bug and raise."""
    return json.dumps(value, allow_nan=False)


def object_pieces(fields: Sequence[str], end: str) -> list[str]:
    """Return the text before, between and after the values of an object."""
    names = [f'"{field}": ' for field in fields]
    return ["{" + names[0], *[", " + name for name in names[1:]], "}" + end]
