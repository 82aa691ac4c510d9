"""The errors raised on purpose, so that a caller can tell a wrong input from a bug of ours.

Their text is one finished sentence: what is wrong, the value given, the limit, and the fix. What a
program makes of them (an exit code, a dialog) is the caller's business.
"""

from __future__ import annotations

SHOWN_CHARACTERS = 40
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
