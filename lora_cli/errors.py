"""The errors raised on purpose, so that a caller can tell a wrong input from a bug of ours.

Their text is one finished sentence: what is wrong, the value given, the limit, and the fix. What a
program makes of them (an exit code, a dialog) is the caller's business.
"""

from __future__ import annotations

SHOWN_CHARACTERS = 40
# Paths, names of modules and the sentences of other programs tell much at their end.
SHOWN_LONG_CHARACTERS = 120
SHOWN_START = 40
SHOWN_END = 60
# Python refuses to print integers of some thousand digits.
SHOWN_BITS = 10_000


class LoraCliError(Exception):
    """The family: everything that lora-cli raises on purpose."""


class InvalidInput(LoraCliError, ValueError):
    """A number, a name or a file that cannot be answered as given."""


class OutputFailed(LoraCliError, OSError):
    """The answer exists, but could not be written where it was asked for."""


def quote(value: object) -> str:
    """Return `value` as safe, short ASCII for a message, however long or hostile it is.

    >>> quote("12a"), quote(7), quote("9" * 5000)
    ("'12a'", '7', "'9999999999999999999999999999999999999999'... (5000 characters)")
    >>> quote("\\x1b[31m")
    "'\\\\x1b[31m'"
    """
    if isinstance(value, int) and value.bit_length() > SHOWN_BITS:
        return f"an int of {value.bit_length()} bits"
    if not isinstance(value, str):
        value = repr(value)
        return ascii(value)[1:-1] if len(value) <= SHOWN_CHARACTERS else quote(value)
    shown = ascii(value[:SHOWN_CHARACTERS])
    return shown if len(value) <= SHOWN_CHARACTERS else f"{shown}... ({len(value)} characters)"


def quote_long(text: str) -> str:
    """Return a path, a name of many parts or a sentence as `quote` does, but longer, and with its end.

    >>> quote_long("model.layers.0.self_attn.q_proj")
    "'model.layers.0.self_attn.q_proj'"
    >>> quote_long("a/" * 5000 + "config.json")[-40:]
    "/a/a/a/a/config.json' (10011 characters)"
    """
    if len(text) <= SHOWN_LONG_CHARACTERS:
        return ascii(text)
    return f"{text[:SHOWN_START]!a}...{text[-SHOWN_END:]!a} ({len(text)} characters)"
