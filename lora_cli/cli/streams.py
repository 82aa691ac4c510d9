"""Where text goes: the terminal, a pipe or a file, and what can go wrong on the way there."""

from __future__ import annotations

import errno
import io
import os
import shutil
import stat
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TextIO, TypeVar

from lora_cli.errors import InvalidInput, OutputFailed, quote
from lora_cli.output import Screen

T = TypeVar("T")

COLORS = ("auto", "always", "never")
SECONDS_BEFORE_PROGRESS = 1.0


def is_terminal() -> bool:
    """Whether standard output is a terminal."""
    return sys.stdout is not None and sys.stdout.isatty()


def wants_color(choice: str, to_terminal: bool) -> bool:
    """Decide on colour: the option, then a non-empty NO_COLOR, then whether it is a terminal."""
    if choice not in COLORS:
        raise InvalidInput(f"--color: {quote(choice)} is not known; choose from: {', '.join(COLORS)}")
    if choice != "auto":
        return choice == "always"
    return to_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def screen(stream: TextIO, to_terminal: bool, color: bool) -> Screen:
    """Return what is known of the place that `stream` leads to."""
    width = shutil.get_terminal_size().columns if to_terminal else None
    encoding = (stream.encoding or "").lower().replace("-", "")
    return Screen(width=width, color=color, unicode=encoding.startswith("utf"))


@contextmanager
def standard_output() -> Iterator[TextIO]:
    """Give standard output, and flush it while an error can still be reported.

    A reader that has gone away is passed on as `BrokenPipeError`; either way nothing is left for
    the interpreter to flush, and to complain of, when it exits.
    """
    stream = sys.stdout
    if stream is None:
        raise OutputFailed("standard output is closed; redirect it to a file, or use --output FILE")
    if isinstance(stream, io.TextIOWrapper):
        # A locale without Unicode shows what it can, and no platform changes line ends.
        stream.reconfigure(errors="backslashreplace", newline="\n")
    try:
        yield stream
        stream.flush()
    except OSError as error:
        with open(os.devnull, "wb") as nowhere, suppress(OSError):
            os.dup2(nowhere.fileno(), stream.fileno())
        if isinstance(error, BrokenPipeError):
            raise
        raise OutputFailed(f"cannot write to standard output: {error.strerror}; use --output FILE") from error


def check_output(path: str) -> None:
    """Refuse a path that surely cannot be written, before there is anything to write."""
    with _as_output_failed(path):
        if not os.path.basename(path):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if os.path.lexists(path):
            mode = os.stat(path).st_mode
            if stat.S_ISDIR(mode):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        else:
            os.stat(os.path.dirname(path) or ".")


@contextmanager
def _as_output_failed(path: str) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise OutputFailed(f"cannot write {quote(path)}: {reason}; give a path that can be written") from error


@contextmanager
def output_file(path: str) -> Iterator[TextIO]:
    """Give a stream to `path`, which holds either all of what is written or what it held before."""
    with _as_output_failed(path):
        mode = os.stat(path).st_mode if os.path.exists(path) else None
        if (descriptor := _descriptor(path)) is not None:
            opened = _descriptor_stream(os.dup(descriptor))
        elif mode is not None and not stat.S_ISREG(mode):
            opened = _descriptor_stream(_open_special(path))
        else:
            opened = _replacement(os.path.realpath(path), mode)
        with opened as stream:
            yield stream


@contextmanager
def new_file(folder: str, name: str) -> Iterator[TextIO]:
    """Give a stream to a new file in `folder`, which is made if need be: all of what is written, or neither."""
    with _as_output_failed(folder):
        made = not os.path.lexists(folder)
        if made:
            os.mkdir(folder)
        elif not os.path.isdir(folder):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    try:
        with output_file(os.path.join(folder, name)) as stream:
            yield stream
    except BaseException:
        if made:
            with suppress(OSError):
                os.rmdir(folder)
        raise


def _descriptor(path: str) -> int | None:
    """Return the number of an open file that `path` stands for: /dev/stdout, /dev/fd/63 of a shell's >(...)."""
    folder, name = os.path.split(os.path.abspath(path))
    if folder == "/dev" and os.path.islink(path):
        folder, name = os.path.split(os.path.join(folder, os.readlink(path)))
    return int(name) if folder in {"/dev/fd", "/proc/self/fd"} and name.isdigit() else None


@contextmanager
def _descriptor_stream(descriptor: int) -> Iterator[TextIO]:
    with open(descriptor, "w", encoding="utf-8", newline="\n") as stream:
        yield stream


def _open_special(path: str) -> int:
    """Open a device or a pipe as it is. A pipe that nobody reads is an error and not a wait."""
    try:
        descriptor = os.open(path, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise OSError(error.errno, "nobody reads from this pipe") from error
        raise
    os.set_blocking(descriptor, True)
    return descriptor


@contextmanager
def _replacement(target: str, mode: int | None) -> Iterator[TextIO]:
    """Give a new file beside `target` that takes its place in the end."""
    if mode is not None and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    # The name is known before the file is there, so that an interruption at any moment finds it.
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


def tracked(parts: Iterable[T], total: int, color: bool) -> Iterator[T]:
    """Yield `parts`; once they have taken a second, a terminal sees how far they are."""
    parts = iter(parts)
    if sys.stderr is None or not sys.stderr.isatty():
        yield from parts
        return
    start = time.monotonic()
    for done, part in enumerate(parts, 1):
        yield part
        if time.monotonic() - start > SECONDS_BEFORE_PROGRESS:
            from lora_cli.output.formats.table import progress

            yield from progress(parts, done, total, sys.stderr, screen(sys.stderr, True, color))
