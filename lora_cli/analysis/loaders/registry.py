"""The loaders by name. A loader is one file of the catalogue, which is imported when it is asked for."""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from lora_cli.analysis.loaders import catalogue
from lora_cli.errors import InvalidInput, argument, choices, quote

if TYPE_CHECKING:
    from lora_cli.analysis.loaders.declaration import Loader


@cache
def loader_names() -> tuple[str, ...]:
    """Return the names of all loaders.

    >>> loader_names()
    ('diffusers', 'peft', 'vllm')
    """
    stems = (name.removesuffix(".py") for name in os.listdir(catalogue.__path__[0]) if name.endswith(".py"))
    return tuple(sorted(stem for stem in stems if not stem.startswith("_")))


def loader_named(name: object) -> Loader:
    """Return the declaration of a loader; one that is not known raises `InvalidInput`.

    >>> loader_named("vllm").title
    'vLLM'
    """
    if not isinstance(name, str) or name not in loader_names():
        raise InvalidInput(f"{argument('loads_in')}: {quote(name)} is not known; {choices(name, loader_names())}")
    declared: Loader = import_module(f"{catalogue.__name__}.{name}").LOADER
    return declared


def codes() -> tuple[str, ...]:
    """Return the codes of the rules of all loaders."""
    return tuple(rule.code for name in loader_names() for rule in loader_named(name).all_rules)
