"""The pyproject.toml that counts, and its section `[tool.lora-cli]`.

Of all files of that name, from the working directory up to the root, only the nearest that has the section counts, as
for ruff.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, NamedTuple

from lora_cli.errors import InvalidInput, quote, quote_long

FILE, SECTION, CHECKS = "pyproject.toml", "lora-cli", "check"
MAX_FILE_BYTES = 2**20
# tomllib takes time and memory for each part of a dotted key and each line below it, so a file of 32 kB could
# take a gigabyte. Files that people write stay a thousand times below this.
MAX_NESTING = 10_000_000
# Each line that may be a key's costs another reading of the file.
MOST_TRIED_LINES = 20


class WrongSettings(InvalidInput):
    """What is wrong with a pyproject.toml, or with what it names: the path of the file, and a line where one is known."""

    def __init__(self, sentence: str, path: str, line: int | None) -> None:
        super().__init__(sentence)
        self.path, self.line = path, line


@contextmanager
def errors_at(path: str, line: int | None = None) -> Iterator[None]:
    """Let an error inside the block say where in a file it is, if it does not yet."""
    try:
        yield
    except WrongSettings:
        raise
    except InvalidInput as error:
        raise WrongSettings(str(error), path, line) from error


class Section(NamedTuple):
    """The content of the section, the path of its file, and that file's text."""

    content: dict[str, Any]
    path: str
    text: str

    def check_lines(self, number: int) -> Sequence[int | None]:
        """Return the line of each of `number` tables of CHECKS, or of none where not all have a header of their own."""
        space = r"[ \t]*"
        # The parts of a header may be quoted.
        parts = rf"{space}\.{space}".join(rf"(?:{part}|\"{part}\"|'{part}')" for part in ("tool", SECTION, CHECKS))
        header = re.compile(rf"{space}\[\[{space}{parts}{space}\]\]")
        lines = [place for place, line in enumerate(self.text.split("\n"), 1) if header.match(line)]
        return lines if len(lines) == number else [None] * number

    def key_line(self, key: str) -> int | None:
        """Return the line of a key of the section, or None where it has none of its own, as within an inline table.

        A line is that of the key if what stands before it, and the key with another value, is TOML that has that value.

        >>> Section({}, "pyproject.toml", "[tool]\\nlora-cli.lock = 'a'\\n").key_line("lock")
        2
        """
        lines = self.text.split("\n")
        pairs = ((place, line.partition("=")[0]) for place, line in enumerate(lines) if "=" in line)
        for place, before in islice(((place, before) for place, before in pairs if key in before), MOST_TRIED_LINES):
            if _section_of("\n".join([*lines[:place], f"{before} = 0"])).get(key) == 0:
                return place + 1
        return None


@contextmanager
def errors_at_key(section: Section, key: str) -> Iterator[None]:
    """Let an error inside the block say in which file and at which line a key of the section is."""
    try:
        yield
    except WrongSettings:
        raise
    except InvalidInput as error:
        raise WrongSettings(str(error), section.path, section.key_line(key)) from error


def _section_of(text: str) -> Mapping[str, Any]:
    """Return the section of a text, or nothing where that is not TOML or has none."""
    import tomllib

    try:
        content = tomllib.loads(text)["tool"][SECTION]
    except (KeyError, TypeError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def find_section() -> Section | None:
    """Return the section of the nearest pyproject.toml that has it."""
    try:
        folder = os.getcwd()
    except OSError:
        # A working directory that was removed belongs to no project.
        return None
    while True:
        path = os.path.join(folder, FILE)
        with errors_at(path):
            section = _section(path) if os.path.lexists(path) else None
        if section is not None or folder == os.path.dirname(folder):
            return section
        folder = os.path.dirname(folder)


def _section(path: str) -> Section | None:
    text = _text(path)
    tool = _parsed(text, path).get("tool", {})
    if not isinstance(tool, dict):
        raise InvalidInput(f"{quote_long(path)}: tool is {quote(tool)}; it must be a table")
    wrong = SECTION.replace("-", "_")
    if wrong in tool:
        raise InvalidInput(f"{quote_long(path)}: the section [tool.{wrong}] is not known; write [tool.{SECTION}]")
    if SECTION not in tool:
        return None
    section = tool[SECTION]
    if not isinstance(section, dict):
        raise InvalidInput(f"{quote_long(path)}: tool.{SECTION} is {quote(section)}; it must be a table")
    return Section(section, path, text)


def _text(path: str) -> str:
    from lora_cli.models.files import regular_file

    with regular_file(path) as (file, size):
        if size > MAX_FILE_BYTES:
            raise InvalidInput(
                f"{quote_long(path)} has {size} bytes; at most {MAX_FILE_BYTES} are read; make it smaller"
            )
        content = file.read(MAX_FILE_BYTES + 1)
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{quote_long(path)} is not text in UTF-8, so it is not TOML; save it as UTF-8") from error


def _parsed(text: str, path: str) -> dict[str, Any]:
    import tomllib

    dots = [line.count(".") for line in text.split("\n")]
    if max(dots) * (sum(dots) + len(dots)) > MAX_NESTING:
        raise InvalidInput(f"{quote_long(path)} has keys with too many parts; write them with fewer dots")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"\(at line (\d+)", str(error))
        raise WrongSettings(
            f"{quote_long(path)} is not TOML: {quote_long(str(error))[1:-1]}", path, int(line[1]) if line else None
        ) from error
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else "a number has too many digits"
        raise InvalidInput(f"{quote_long(path)} cannot be read: {reason}; simplify it") from error
