"""What hostile inputs are made of: strange values, and small damage to JSON, bytes and words."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

WORDS = [
    "",
    " ",
    "-",
    "--",
    "\n",
    "\x1b[31mred",
    "\u202egnp.exe",
    "模型",
    "é",
    "👩\u200d🔬",
    "\ud800",
    "a\0b",
    "a" * 5000,
    "../..",
    "/dev/null",
    "/dev/full",
    "/dev/zero",
    ".",
    "x/y",
    "nan",
    "inf",
    "-0.0",
    "1e999",
    "0x10",
    "1_000",
    "٣",
    "9" * 5000,
    "2147483647",
    "2147483648",
    "all-linear",
    "ALL-LINEAR",
    "q_proj,v_proj",
    "c_attn",
    ",",
    "a,,b",
    ".*",
    "(",
    "[[",
    "a{2,1}",
    "(?P<a>",
    "(a+)+$",
    "(.+.+)+(.+.+)+z",
    r".*\.q_proj",
    "null",
    "true",
    "{}",
    "[]",
    "lora",
    "LORA",
    "gpt2",
    "%s%n",
    "{0}",
    "::error::x",
    "<b>&",
    "|",
    "a\tb",
    "=1",
]
NUMBERS = [0, 1, -1, 2, 3, 4, 7, 8, 64, 2**31 - 1, 2**31, 2**63 - 1, 2**63, 2**64, -(2**63), 10**30, 0.5, -0.0, 1e308]
CONSTANTS: list[Any] = [None, True, False, float("nan"), float("inf"), [], {}, [[]], {"": {}}]


def word(draw: Random) -> str:
    """Return a strange word, or two that are joined."""
    first = draw.choice(WORDS)
    return first if draw.random() < 0.85 else first[:50] + draw.choice(WORDS)[:50]


def value(draw: Random, depth: int = 0) -> Any:
    """Return a strange value of JSON."""
    kind = draw.random()
    if kind < 0.35:
        return draw.choice(NUMBERS)
    if kind < 0.65:
        return word(draw)
    if kind < 0.8 or depth > 3:
        return draw.choice(CONSTANTS)
    if kind < 0.9:
        return [value(draw, depth + 1) for _ in range(draw.randrange(4))]
    return {word(draw): value(draw, depth + 1) for _ in range(draw.randrange(4))}


def damaged(draw: Random, content: Any, own: Callable[[Random], Any] = value) -> Any:
    """Return a JSON value with one of its parts changed: another value, a part that is missing, or one too many."""
    if isinstance(content, dict) and content and draw.random() < 0.9:
        key = draw.choice(list(content))
        changed = dict(content)
        kind = draw.random()
        if kind < 0.1:
            del changed[key]
        elif kind < 0.2:
            changed[word(draw)] = changed[key]
        elif kind < 0.35:
            changed[key] = changed[draw.choice(list(content))]
        else:
            changed[key] = damaged(draw, content[key], own)
        return changed
    if isinstance(content, list) and content and draw.random() < 0.7:
        place = draw.randrange(len(content))
        return [*content[:place], damaged(draw, content[place], own), *content[place + draw.randrange(2) :]]
    if type(content) is int and draw.random() < 0.4:
        return content + draw.choice([-1, 1, -content, content, 2**31])
    return own(draw)


def text(draw: Random, content: Any) -> bytes:
    """Return JSON as a file has it: mostly right, sometimes cut, doubled or with some bytes changed."""
    found = json.dumps(content).encode()
    kind = draw.random()
    if kind < 0.85:
        return found
    if kind < 0.88:
        return found[: draw.randrange(len(found) + 1)]
    if kind < 0.9:
        return b"\xef\xbb\xbf" + found
    if kind < 0.91:
        return b"[" * 50_000
    if kind < 0.92:
        return b'{"a": ' * 2_000 + found
    return noise(draw, found)


def noise(draw: Random, content: bytes) -> bytes:
    """Return bytes some of which are changed, missing or new."""
    found = bytearray(content)
    for _ in range(draw.choice([1, 1, 2, 8])):
        place = draw.randrange(len(found) + 1)
        found[place : place + draw.randrange(3)] = draw.randbytes(draw.randrange(3))
    return bytes(found)
