"""Well-known models by name, bundled so that they need no download.

`presets.json` has one line for each model: the fields of its config.json that decide sizes. They must give the
published number of parameters; tests/reference/presets.csv has the sources.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from lora_cli.errors import InvalidInput, near_miss, quote
from lora_cli.models.config import Config
from lora_cli.models.model import Model, read_config

DATA = Path(__file__).with_name("presets.json")


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
    """Return the config.json fields of the preset called `name`, in any case.

    >>> preset("gpt2")["n_embd"]
    768
    >>> preset("lama-3.1-8b")
    Traceback (most recent call last):
    lora_cli.errors.InvalidInput: model 'lama-3.1-8b' is neither a file nor a preset; did you mean llama-3.1-8b, llama-3-8b or llama-3.1-70b?
    """
    fields = _all().get(name.lower())
    if fields is None:
        # Hub names have an owner before the name: meta-llama/Llama-3.1-8B.
        hint = near_miss(name.lower().rpartition("/")[-1], names(), "`lora-cli models` lists the presets")
        raise InvalidInput(f"model {quote(name)} is neither a file nor a preset; {hint}")
    # A copy, so that a caller's change does not affect other answers.
    copied: dict[str, Any] = json.loads(json.dumps(fields))
    return copied


def read_preset(name: str) -> Model:
    """Return the bundled model called `name`."""
    return read_config(Config(preset(name), f"preset {name}"), name)
