"""The errors raised on purpose, so that a caller can tell a wrong input from a bug of ours.

Their text is one finished sentence: what is wrong, the value given, the limit, and the fix. What a
program makes of them (an exit code, a dialog) is the caller's business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

SHOWN_CHARACTERS = 40
# Paths, names of modules and the sentences of other programs tell much at their end.
SHOWN_LONG_CHARACTERS = 120
SHOWN_START = 40
SHOWN_END = 60
# Python refuses to print integers of some thousand digits.
SHOWN_BITS = 10_000


# A list of names in a message shows so many of them, and says how many more there are.
SHOWN_NAMES = 3
# Names are compared up to here, and of long lists so many, when a near miss is looked for.
COMPARED_CHARACTERS = 100
COMPARED_NAMES = 20_000
NEAR = 0.6


_spelling: ContextVar[Callable[[str], str]] = ContextVar("spelling", default=str)


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


def argument(name: str) -> str:
    """Return the name of a function's argument as its caller knows it: `max_params`, or `--max-params` on a command line.

    >>> argument("max_params")
    'max_params'
    """
    return _spelling.get()(name)


@contextmanager
def arguments_spelled(spelling: Callable[[str], str]) -> Iterator[None]:
    """Have `argument` spell names in another way inside, as the command line does.

    >>> with arguments_spelled(lambda name: "--" + name.replace("_", "-")):
    ...     argument("max_params")
    '--max-params'
    """
    token = _spelling.set(spelling)
    try:
        yield
    finally:
        _spelling.reset(token)


def first_few(names: Sequence[str], show: Callable[[str], str] = quote_long) -> str:
    """Return the first names, and how many more there are.

    >>> first_few(["q", "k"]), first_few(list("abcde"), str)
    ("'q', 'k'", 'a, b, c and 2 more')
    """
    shown = ", ".join(map(show, names[:SHOWN_NAMES]))
    more = len(names) - SHOWN_NAMES
    return f"{shown} and {more} more" if more > 0 else shown


def counted(names: Sequence[str], noun: str) -> str:
    """Return how many names there are of a kind, and the first few.

    >>> counted(["a", "b"], "tensor"), counted(list("abcde"), "module")
    ("2 tensors ('a', 'b')", "5 modules ('a', 'b', 'c' and 2 more)")
    """
    return f"{len(names)} {noun}{'' if len(names) == 1 else 's'} ({first_few(names)})"


def near_miss(wanted: str, known: Iterable[str], otherwise: str) -> str:
    """Return `did you mean ...?` with the known names that look like what was wanted, or `otherwise` if none does.

    >>> near_miss("verra", ["lora", "vera", "pvera"], "`lora-cli methods` lists all")
    'did you mean vera or pvera?'
    >>> near_miss("x", ["lora"], "`lora-cli methods` lists all")
    '`lora-cli methods` lists all'
    """
    from difflib import get_close_matches
    from itertools import islice

    near = get_close_matches(wanted[:COMPARED_CHARACTERS], list(islice(known, COMPARED_NAMES)), SHOWN_NAMES, NEAR)
    return f"did you mean {' or '.join(map(_shown_name, near))}?" if near else otherwise


def choices(wanted: str, known: Sequence[str]) -> str:
    """Return what to write instead of a name that is not known: a near one, or all that there are.

    >>> choices("jsn", ["json", "csv"]), choices("x", ["json", "csv"])
    ('did you mean json?', 'choose from: json, csv')
    """
    return near_miss(wanted, known, f"choose from: {', '.join(known)}")


def _shown_name(name: str) -> str:
    """Return a known name as it is, or quoted where it comes from a file."""
    return name if name.isascii() and name.isprintable() and len(name) <= SHOWN_CHARACTERS else quote_long(name)
