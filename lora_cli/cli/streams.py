"""The streams that answers are written to: standard output, or a file that is written whole or not at all."""

from __future__ import annotations

import errno
import io
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from lora_cli.errors import OutputFailed, quote
from lora_cli.models.streams import let_wait, open_at_once

# A report begins with at least as much that no other file begins with.
KIND_BYTES = 5


@contextmanager
def standard_output(encoding: str | None = None) -> Iterator[TextIO]:
    """Yield standard output, in the locale's encoding or another, and flush it while an error can still be reported.

    A closed pipe raises `BrokenPipeError`. After an error nothing is left for the interpreter to flush at exit, when it
    would report the error again.
    """
    stream = sys.stdout
    if stream is None:
        raise OutputFailed("standard output is closed; redirect it to a file, or use --output FILE")
    if isinstance(stream, io.TextIOWrapper):
        # A locale without Unicode gets escapes, and line ends are the same on every platform.
        stream.reconfigure(encoding=encoding, errors="backslashreplace", newline="\n")
    try:
        yield stream
        stream.flush()
    except OSError as error:
        with open(os.devnull, "wb") as null, suppress(OSError):
            os.dup2(null.fileno(), stream.fileno())
        if isinstance(error, BrokenPipeError):
            raise
        raise OutputFailed(f"cannot write to standard output: {error.strerror}; use --output FILE") from error


def check_output(path: str) -> None:
    """Refuse a path that cannot be written, before there is anything to write."""
    with _refusal(path):
        if not os.path.basename(path):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        try:
            os.lstat(path)
        except FileNotFoundError:
            os.stat(os.path.dirname(path) or ".")
            return
        if stat.S_ISDIR(os.stat(path).st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))


@contextmanager
def _refusal(path: str) -> Iterator[None]:
    """Turn an error about `path` into one for the user."""
    try:
        yield
    except BrokenPipeError:
        raise
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise OutputFailed(f"cannot write {quote(path)}: {reason}; give a path that can be written") from error


@contextmanager
def output_file(path: str) -> Iterator[TextIO]:
    """Yield a stream to `path`. A regular file gets all of what is written, or stays as it was."""
    with _refusal(path):
        mode = os.stat(path).st_mode if os.path.exists(path) else None
        if (descriptor := _descriptor(path)) is not None:
            target = _descriptor_stream(os.dup(descriptor))
        elif mode is not None and not stat.S_ISREG(mode):
            target = _descriptor_stream(_special_file(path))
        else:
            # Only who writes a file loads this.
            from lora_cli.models.files import replacement

            target = replacement(os.path.realpath(path), mode)
        with target as stream:
            yield stream


def holds_other(path: str, text: str) -> bool:
    """Whether a regular file holds anything but an earlier text of this kind, to judge by how both begin."""
    if not os.path.isfile(path):
        return False
    with _refusal(path), open(path, "rb") as file:
        start = file.read(KIND_BYTES)
    return start not in {b"", text[:KIND_BYTES].encode()}


@contextmanager
def new_file(folder: str, name: str) -> Iterator[TextIO]:
    """Yield a stream to a new file in `folder`, and create the folder if it is missing. After an error, neither is left."""
    with _refusal(folder):
        is_new = not os.path.lexists(folder)
        if is_new:
            os.mkdir(folder)
        elif not os.path.isdir(folder):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    try:
        with output_file(os.path.join(folder, name)) as stream:
            yield stream
    except BaseException:
        if is_new:
            with suppress(OSError):
                os.rmdir(folder)
        raise


def _descriptor(path: str) -> int | None:
    """Return the number of the open file that `path` names, e.g. /dev/stdout, or /dev/fd/63 for a shell's >(...)."""
    folder, name = os.path.split(os.path.abspath(path))
    if folder == "/dev" and os.path.islink(path):
        folder, name = os.path.split(os.path.join(folder, os.readlink(path)))
    return int(name) if folder in {"/dev/fd", "/proc/self/fd"} and name.isdigit() else None


@contextmanager
def _descriptor_stream(descriptor: int) -> Iterator[TextIO]:
    """Yield a stream to an open file."""
    with open(descriptor, "w", encoding="utf-8", newline="\n") as stream:
        yield stream


def _special_file(path: str) -> int:
    """Open a device or a pipe, and return its number. A pipe without a reader is an error, so that nothing waits for one."""
    try:
        descriptor = open_at_once(path, os.O_WRONLY)
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise OSError(error.errno, "no program reads from this pipe") from error
        raise
    let_wait(descriptor)
    return descriptor
