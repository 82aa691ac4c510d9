"""What a project says once for all its checks: `[tool.lora-cli]` of pyproject.toml.

Of all files of that name, from the working directory up to the root, the nearest that has the section counts,
as ruff has it, and it alone. A wrong one is refused and never passed over, since limits that nobody reads
hold for nobody.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from lora_cli.analysis.inspect.finding import SEVERITIES
from lora_cli.cli.options import shared as options
from lora_cli.errors import InvalidInput, quote, quote_long
from lora_cli.quantities import parse_bytes, parse_count, parse_percent

FILE, SECTION = "pyproject.toml", "lora-cli"
MAX_FILE_BYTES = 2**20
# tomllib takes time and memory for each part of a dotted key and each line below it: a file of 32 kB could
# ask for a gigabyte. Files that people write are a thousandth of this.
MAX_NESTING = 10_000_000
# tomllib reads hexadecimal numbers of any length, which Python then refuses to print.
MAX_BITS = 128


class Limit(NamedTuple):
    """A limit's reader, and the bounds that the reader is given."""

    parse: Callable[..., int | float]
    bounds: tuple[float, ...] = ()


LIMITS = {
    "max-percent": Limit(parse_percent, (0,)),
    "max-params": Limit(parse_count),
    "min-saved": Limit(parse_percent, (-math.inf, 100)),
    "expect-params": Limit(parse_count),
    "max-bytes": Limit(parse_bytes),
}
LISTS = ("fail-on", "ignore")
KEYS = (*LIMITS, *LISTS)


class Settings(NamedTuple):
    """The section's values; `source` is its file, or None where there is none.

    `fail_on` are severities of findings and codes of findings that fail a check, `ignore` are codes that are
    left out.
    """

    limits: Mapping[str, int | float] = MappingProxyType({})
    fail_on: tuple[str, ...] = ("error",)
    ignore: tuple[str, ...] = ()
    source: str | None = None


def limits(given: Mapping[str, str | None], settings: Settings) -> dict[str, int | float]:
    """Return the limits that hold, by rule: those of the command line, and of the file where it says nothing."""
    found = {rule: options.read_given(f"--{rule}", text, *_reader(rule)) for rule, text in given.items()}
    return {**settings.limits, **{rule: limit for rule, limit in found.items() if limit is not None}}


def chosen(option: str, names: Sequence[str] | None, known: Collection[str], otherwise: Sequence[str]) -> Sequence[str]:
    """Return the names that an option was given, each of which must be known, or else those of the file."""
    for name in names or ():
        if name not in known:
            raise InvalidInput(f"{option}: {quote(name)} is unknown; {_near(name, known)}")
    return otherwise if names is None else names


def _reader(rule: str) -> tuple[Any, ...]:
    return (LIMITS[rule].parse, *LIMITS[rule].bounds)


def read_settings(codes: Collection[str] = ()) -> Settings:
    """Return the settings of the nearest pyproject.toml that has the section, or else the defaults.

    `codes` are the codes of findings that there are; without any, every code is taken.
    """
    try:
        folder = os.getcwd()
    except OSError:
        # A working directory that was removed is in no project.
        return Settings()
    while True:
        path = os.path.join(folder, FILE)
        section = _section(path) if os.path.lexists(path) else None
        if section is not None:
            return _settings(section, path, codes)
        if folder == os.path.dirname(folder):
            return Settings()
        folder = os.path.dirname(folder)


def _section(path: str) -> dict[str, Any] | None:
    tool = _parsed(path).get("tool", {})
    if not isinstance(tool, dict):
        raise InvalidInput(f"{quote_long(path)}: tool is {quote(tool)}; it must be a table")
    if SECTION not in tool:
        wrong = SECTION.replace("-", "_")
        if wrong in tool:
            raise InvalidInput(f"{quote_long(path)}: the section [tool.{wrong}] is unknown; write [tool.{SECTION}]")
        return None
    section = tool[SECTION]
    if not isinstance(section, dict):
        raise InvalidInput(f"{quote_long(path)}: tool.{SECTION} is {quote(section)}; it must be a table")
    return section


def _parsed(path: str) -> dict[str, Any]:
    import tomllib

    from lora_cli.models.files import opened

    with opened(path) as (file, size):
        if size > MAX_FILE_BYTES:
            raise InvalidInput(
                f"{quote_long(path)} has {size} bytes; a {FILE} of at most {MAX_FILE_BYTES} is read; make it smaller"
            )
        content = file.read(MAX_FILE_BYTES + 1)
    try:
        text = content.decode()
        dots = [line.count(".") for line in text.split("\n")]
        if max(dots) * (sum(dots) + len(dots)) > MAX_NESTING:
            raise InvalidInput(f"{quote_long(path)} has keys of too many parts; write them with fewer dots")
        return tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{quote_long(path)} is no text in UTF-8, so it is no TOML; save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(f"{quote_long(path)} is no TOML: {quote_long(str(error))[1:-1]}") from error
    except (ValueError, RecursionError) as error:
        if isinstance(error, InvalidInput):
            raise
        reason = "nested too deeply" if isinstance(error, RecursionError) else "a number has too many digits"
        raise InvalidInput(f"{quote_long(path)} cannot be read: {reason}; write it simpler") from error


def _settings(section: Mapping[str, Any], path: str, codes: Collection[str]) -> Settings:
    source = f"{quote_long(path)}: tool.{SECTION}"
    for key in section:
        if key not in KEYS:
            raise InvalidInput(f"{source} has no key {quote(key)}; {_near(key, KEYS)}")
    lists = {key.replace("-", "_"): _names(section[key], f"{source}.{key}") for key in LISTS if key in section}
    for key, known in (("fail_on", (*SEVERITIES, *codes)), ("ignore", codes)):
        for name in lists.get(key, ()) if codes else ():
            if name not in known:
                raise InvalidInput(f"{source}.{key.replace('_', '-')}: {quote(name)} is unknown; {_near(name, known)}")
    found = {key: _limit(section[key], key, f"{source}.{key}") for key in LIMITS if key in section}
    return Settings(found, source=path, **lists)


def _limit(value: object, key: str, where: str) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise InvalidInput(f"{where} is {quote(value)}; it must be a number, or a text as --{key} takes it")
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise InvalidInput(f"{where} is {quote(value)}; it must be a number of at most {MAX_BITS} bits")
    limit: int | float = options.read(where, value if isinstance(value, str) else repr(value), *_reader(key))
    return limit


def _names(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) and name for name in value):
        raise InvalidInput(f'{where} is {quote(value)}; it must be a list of texts, as ["error"]')
    return tuple(value)


def _near(name: str, known: Collection[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name.replace("_", "-")[:100], known, 1)
    return f"did you mean {near[0]}?" if near else f"choose from: {', '.join(known)}"
