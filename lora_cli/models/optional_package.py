"""Packages that only some sources need. They are imported where they are used, and what is installed may not load."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from lora_cli.errors import InvalidInput, quote_long


def loaded(module: str, attribute: str | None = None) -> Any:
    """Return a module, or an attribute of it that may be imported only now.

    huggingface_hub and transformers read variables when they are imported, and fail where one is malformed.

    >>> loaded("json").__name__, loaded("json", "dumps")({})
    ('json', '{}')
    """
    try:
        found = import_module(module)
        return found if attribute is None else getattr(found, attribute)
    except (ImportError, ValueError) as error:
        raise InvalidInput(
            f"{module.partition('.')[0]} cannot be loaded: {quote_long(str(error))}; "
            "correct or unset the variables that begin with HF_, or install it again"
        ) from error
