"""Safe reading and writing of files that a user names: regular ones, JSON only up to a size limit, and written whole."""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, TextIO

from lora_cli.errors import InvalidInput, UnreadableFile, argument, near_miss, quote, quote_long
from lora_cli.models.streams import is_stream, read_stream

MAX_JSON_BYTES = 64 * 2**20
# The key of the object by which transformers writes an infinite number into a config.json.
TAGGED_NUMBER = "__float__"
# Configs of models and adapters are JSON, and only trainers write these.
YAML_ENDINGS = (".yml", ".yaml")
# How far below a folder a file is looked for that it should hold.
MOST_LEVELS, MOST_FOLDERS = 3, 1000
# JSON's names for the Python types of its values.
JSON_NAMES = {
    list: "an array",
    str: "a string",
    int: "a number",
    float: "a number",
    bool: "a boolean",
    type(None): "null",
}


def path_text(name: str, path: object) -> str:
    """Return the path that the argument `name` is, as text; what is not a path raises `InvalidInput`.

    >>> from pathlib import PurePosixPath
    >>> path_text("adapter", PurePosixPath("a/b"))
    'a/b'
    """
    text = path.__fspath__() if isinstance(path, os.PathLike) else path
    if not isinstance(text, str):
        raise InvalidInput(f"{argument(name)}: {quote(path)} is not a path; give a string or a pathlib.Path")
    return text


def existing_start(text: str) -> str | None:
    """Return the longest start of a text, up to one of its colons, that is the path of something.

    The colon of a drive (`C:`) ends nothing.

    >>> existing_start("/:missing"), existing_start("missing")
    ('/', None)
    """
    shortest, end = len(os.path.splitdrive(text)[0]), len(text)
    while end > shortest:
        if os.path.lexists(text[:end]):
            return text[:end]
        end = text.rfind(":", 0, end)
    return None


def near_path(path: str) -> str:
    """Return `did you mean ...?` with what resembles a missing path in the folder that it would be in, or else ''."""
    folder = os.path.dirname(path)
    names: list[str] = []
    with suppress(OSError, ValueError):
        names = sorted(os.listdir(folder or os.curdir))
    return near_miss(path, (os.path.join(folder, name) for name in names), "")


def file_below(folder: str, names: Collection[str]) -> str | None:
    """Return the path of a file of one of these names in the folders below a folder, the nearest, or None."""
    level = [folder]
    for _ in range(MOST_LEVELS):
        inner: list[str] = []
        for each in level:
            with suppress(OSError):
                inner += sorted(entry.path for entry in os.scandir(each) if entry.is_dir() and entry.name[0] != ".")
        level = inner[:MOST_FOLDERS]
        found = (os.path.join(each, name) for each in level for name in names)
        if (path := next(filter(os.path.lexists, found), None)) is not None:
            return path
    return None


def hint_below(folder: str, names: Collection[str]) -> str:
    """Return where a file of one of these names is below a folder, and to give its folder, or else ''."""
    path = file_below(folder, names)
    return "" if path is None else f"there is {quote_long(path)}; give its folder"


@contextmanager
def regular_file(path: str) -> Iterator[tuple[BinaryIO, int]]:
    """Open the regular file at `path` and return it with its size in bytes. Anything else raises `InvalidInput`."""
    with _readable(path):
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            raise InvalidInput(f"{quote_long(path)} is not a regular file; give the path of one")
        with open(path, "rb") as file:
            yield file, status.st_size


def names_in(folder: str) -> list[str]:
    """Return the names in a folder, sorted."""
    with _readable(folder):
        return sorted(os.listdir(folder))


@contextmanager
def _readable(path: str) -> Iterator[None]:
    try:
        yield
    except InvalidInput:
        raise
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        kind = UnreadableFile if isinstance(error, PermissionError) else InvalidInput
        raise kind(f"cannot read {quote_long(path)}: {reason}; give a path that can be read") from error


def _number(found: dict[str, Any]) -> Any:
    """Return the number that transformers writes as an object, because JSON has none for it: infinity or NaN."""
    if found.keys() == {TAGGED_NUMBER} and isinstance(found[TAGGED_NUMBER], str):
        with suppress(ValueError):
            return float(found[TAGGED_NUMBER])
    return found


def read_object(path: str, what: str = "a config") -> dict[str, Any]:
    """Return the JSON object in the file at `path`. Errors call the object `what`."""
    return json_object(_read_file(path, MAX_JSON_BYTES, what), path, what)


def read_config_object(path: str) -> dict[str, Any]:
    """Return the JSON object of a config in a file or, once, from a stream (`models.streams`)."""
    content = read_content(path, MAX_JSON_BYTES, "a config")
    try:
        return json_object(content, path)
    except UnreadableFile as error:
        if path.lower().endswith(YAML_ENDINGS):
            raise UnreadableFile(f"{quote_long(path)} is not a config in JSON; {as_recipe()}") from error
        raise


def as_recipe() -> str:
    """Return in words what to do with a trainer's recipe where a config is read."""
    return f"it looks like a trainer's recipe; give it as {argument('recipe')}"


def read_content(path: str, most: int, what: str) -> bytes:
    """Return the content of a file or, once, of a stream. Errors call it `what`, which has at most `most` bytes."""
    if not is_stream(path):
        return _read_file(path, most, what)
    with _readable(path):
        content = read_stream(path, most + 1)
    if len(content) > most:
        raise _too_large(path, f"more than {most} bytes", what, most)
    return content


def _read_file(path: str, most: int, what: str) -> bytes:
    with regular_file(path) as (file, size):
        if size > most:
            raise _too_large(path, f"{size} bytes", what, most)
        return file.read(most + 1)


def _too_large(path: str, size: str, what: str, most: int) -> InvalidInput:
    return InvalidInput(f"{quote_long(path)} has {size}; {what} has at most {most}, so this is not one")


def read_text(path: str, most: int) -> str:
    """Return the text of a file or, once, of a stream, of at most so many bytes; what is not UTF-8 becomes \ufffd."""
    with _readable(path):
        content = read_stream(path, most + 1) if is_stream(path) else _start(path, most + 1)
    if len(content) > most:
        raise InvalidInput(f"{quote_long(path)} has more than {most:,} bytes; give only the lines that matter")
    # No text has these, and nearly every other file does.
    if b"\0" in content:
        raise InvalidInput(f"{quote_long(path)} is not text: it has NUL bytes; give a text in UTF-8")
    return content.decode("utf-8", "replace")


def _start(path: str, most: int) -> bytes:
    with regular_file(path) as (file, _):
        return file.read(most)


def json_object(content: bytes, path: str, what: str = "a config") -> dict[str, Any]:
    """Return the JSON object that the content of a file is; `path` names the file in messages."""
    try:
        value = json.loads(content.decode("utf-8-sig"), object_hook=_number)
    except UnicodeDecodeError as error:
        raise UnreadableFile(f"{quote_long(path)} is not UTF-8 text, so it is not JSON") from error
    except (ValueError, RecursionError) as error:
        # Python's message about a number of thousands of digits says how to allow it; that part is left out.
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error).partition("; use sys.")[0]
        raise UnreadableFile(f"{quote_long(path)} is not JSON: {reason}") from error
    if not isinstance(value, dict):
        raise UnreadableFile(f"{quote_long(path)} holds {JSON_NAMES[type(value)]}; {what} is a JSON object")
    return value


@contextmanager
def replacement(target: str, mode: int | None) -> Iterator[TextIO]:
    """Yield a stream to a temporary file that replaces `target` at the end."""
    if mode is not None and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    # The name is chosen before the file exists, so that the cleanup works whenever an interruption comes.
    temporary = os.path.join(os.path.dirname(target), f".{os.urandom(8).hex()}.partial")
    try:
        with open(temporary, "x", encoding="utf-8", newline="\n") as stream:
            yield stream
        if mode is not None:
            os.chmod(temporary, stat.S_IMODE(mode))
        os.replace(temporary, target)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
