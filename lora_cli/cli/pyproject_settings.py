"""The settings that a project has for all its checks: `[tool.lora-cli]` of pyproject.toml.

Of all files of that name, from the working directory up to the root, only the nearest that has the section counts, as
for ruff. A wrong section is always refused, because limits that nobody reads protect nobody.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from lora_cli.analysis.limits import LIMITS, Limit
from lora_cli.errors import InvalidInput, choices, quote, quote_long
from lora_cli.quantities import QuantityError

FILE, SECTION = "pyproject.toml", "lora-cli"
MAX_FILE_BYTES = 2**20
# tomllib takes time and memory for each part of a dotted key and each line below it, so a file of 32 kB could
# take a gigabyte. Files that people write stay a thousand times below this.
MAX_NESTING = 10_000_000
# tomllib reads hexadecimal numbers of any length, but Python refuses to print the longest.
MAX_BITS = 128


LIMIT_KEYS = {limit.rule: limit for limit in LIMITS.values()}
LISTS = {"fail-on": "fail_on", "ignore": "ignore"}
KEYS = (*LIMIT_KEYS, *LISTS)

# Returns the names that `fail_on` or `ignore` can list.
KnownNames = Callable[[str], Sequence[str]]


class Settings(NamedTuple):
    """The section's values: limits by name, severities and codes of findings that fail, and codes that are ignored.

    A list is None if the section does not have it. `source` is the path of the file, or None where there is none.
    """

    limits: Mapping[str, int | float] = MappingProxyType({})
    fail_on: Sequence[str] | None = None
    ignore: Sequence[str] | None = None
    source: str | None = None


def read_settings(known_names: KnownNames) -> Settings:
    """Return the settings of the nearest pyproject.toml that has the section, or else none."""
    try:
        folder = os.getcwd()
    except OSError:
        # A working directory that was removed belongs to no project.
        return Settings()
    while True:
        path = os.path.join(folder, FILE)
        section = _section(path) if os.path.lexists(path) else None
        if section is not None:
            return _settings(section, path, known_names)
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
            raise InvalidInput(f"{quote_long(path)}: the section [tool.{wrong}] is not known; write [tool.{SECTION}]")
        return None
    section = tool[SECTION]
    if not isinstance(section, dict):
        raise InvalidInput(f"{quote_long(path)}: tool.{SECTION} is {quote(section)}; it must be a table")
    return section


def _parsed(path: str) -> dict[str, Any]:
    import tomllib

    from lora_cli.models.files import regular_file

    with regular_file(path) as (file, size):
        if size > MAX_FILE_BYTES:
            raise InvalidInput(
                f"{quote_long(path)} has {size} bytes; at most {MAX_FILE_BYTES} are read; make it smaller"
            )
        content = file.read(MAX_FILE_BYTES + 1)
    try:
        text = content.decode()
        dots = [line.count(".") for line in text.split("\n")]
        if max(dots) * (sum(dots) + len(dots)) > MAX_NESTING:
            raise InvalidInput(f"{quote_long(path)} has keys with too many parts; write them with fewer dots")
        return tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{quote_long(path)} is not text in UTF-8, so it is not TOML; save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(f"{quote_long(path)} is not TOML: {quote_long(str(error))[1:-1]}") from error
    except (ValueError, RecursionError) as error:
        if isinstance(error, InvalidInput):
            raise
        reason = "nested too deeply" if isinstance(error, RecursionError) else "a number has too many digits"
        raise InvalidInput(f"{quote_long(path)} cannot be read: {reason}; simplify it") from error


def _settings(section: Mapping[str, Any], path: str, known_names: KnownNames) -> Settings:
    source = f"{quote_long(path)}: tool.{SECTION}"
    for key in section:
        if key not in KEYS:
            raise InvalidInput(f"{source} has no key {quote(key)}; {choices(key.replace('_', '-'), KEYS)}")
    limits = {
        limit.name: _limit(section[key], limit, f"{source}.{key}")
        for key, limit in LIMIT_KEYS.items()
        if key in section
    }
    lists = {
        name: _names(section[key], known_names(name), f"{source}.{key}")
        for key, name in LISTS.items()
        if key in section
    }
    return Settings(limits, lists.get("fail_on"), lists.get("ignore"), path)


def _limit(value: object, limit: Limit, where: str) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise InvalidInput(f"{where} is {quote(value)}; it must be a number, or a string that --{limit.rule} accepts")
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise InvalidInput(f"{where} is {quote(value)}; it must be a number of at most {MAX_BITS} bits")
    try:
        return limit.parse(value if isinstance(value, str) else repr(value))
    except QuantityError as error:
        raise InvalidInput(f"{where}: {quote(error.text)} {error.problem}") from None


def _names(value: object, known: Sequence[str], where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) and name for name in value):
        raise InvalidInput(f'{where} is {quote(value)}; it must be a list of strings, e.g. ["error"]')
    for name in value:
        if name not in known:
            raise InvalidInput(f"{where}: {quote(name)} is not known; {choices(name, known)}")
    return tuple(value)
