"""Well-known models by name, so that a question about one needs no download: the facts of their config.json.

`presets.json` keeps of each config.json the fields that decide sizes, a model a line. A model is in it
only if its fields give the parameters that were published for it; tests/reference/presets.csv says where.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from lora_cli.errors import InvalidInput, quote

DATA = Path(__file__).with_name("presets.json")
MOST_SUGGESTED = 3
LONGEST_COMPARED = 100


@cache
def _all() -> dict[str, dict[str, Any]]:
    content: dict[str, dict[str, Any]] = json.loads(DATA.read_text(encoding="utf-8"))
    return content


def names() -> tuple[str, ...]:
    """Return the names of all presets, by family and then by size.

    >>> "llama-3.1-8b" in names()
    True
    """
    return tuple(_all())


def preset(name: str) -> dict[str, Any]:
    """Return the config.json fields of the model called `name`, whatever its case.

    >>> preset("gpt2")["n_embd"]
    768
    >>> preset("lama-3.1-8b")
    Traceback (most recent call last):
    lora_cli.errors.InvalidInput: model 'lama-3.1-8b' is no file and no preset; near ones: llama-3.1-8b, llama-3-8b, llama-3.1-70b
    """
    fields = _all().get(name.lower())
    if fields is None:
        from difflib import get_close_matches

        # Hubs put an owner before the name: meta-llama/Llama-3.1-8B.
        asked = name.lower().rpartition("/")[-1][:LONGEST_COMPARED]
        near = get_close_matches(asked, names(), MOST_SUGGESTED)
        hint = f"near ones: {', '.join(near)}" if near else "`lora-cli models` lists the presets"
        raise InvalidInput(f"model {quote(name)} is no file and no preset; {hint}")
    # A copy: whoever changes it changes no other answer.
    copied: dict[str, Any] = json.loads(json.dumps(fields))
    return copied
