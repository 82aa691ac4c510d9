"""Regular expressions of a user's: refused in words where they are wrong."""

from __future__ import annotations

import re
from functools import lru_cache

from lora_cli.errors import InvalidInput, quote_long


@lru_cache(maxsize=1024)
def compiled(text: str) -> re.Pattern[str]:
    """Return the pattern, or refuse what is none."""
    try:
        return re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        # A pattern of the user's has been put behind what it may stand behind.
        shown = text.removeprefix(r"(.*\.)?(").removesuffix(")$")
        raise InvalidInput(f"{quote_long(shown)} is no regular expression: {quote_long(str(error))}") from error
