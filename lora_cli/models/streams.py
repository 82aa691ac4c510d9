"""Streams that a config can come from: standard input, a named pipe, or the pipe of a shell's `<(...)`."""

from __future__ import annotations

import os
import stat
import time

STDIN = frozenset({"-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"})
CHUNK_BYTES = 2**20
# The program that writes to a named pipe may start a little later.
WAITED_SECONDS = 3.0
PAUSE_SECONDS = 0.02


def is_stream(path: str) -> bool:
    """Whether a path is that of a stream, which can be read only once. Standard input may also be a regular file."""
    if path == "-":
        return True
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or (path in STDIN and not stat.S_ISREG(mode) and not stat.S_ISDIR(mode))


def stream_key(path: str) -> str | None:
    """Return what two paths of one stream have in common, or None for the path of something else."""
    if path in STDIN:
        return "-"
    return os.path.realpath(path) if is_stream(path) else None


def read_stream(path: str, most: int) -> bytes:
    """Return the bytes of a stream up to its end, but at most `most` of them. A pipe that nobody writes to is an error."""
    if path in STDIN:
        return _read(0, most)
    descriptor = open_at_once(path, os.O_RDONLY)
    try:
        first = _first_bytes(descriptor)
        let_wait(descriptor)
        return first + _read(descriptor, most - len(first))
    finally:
        os.close(descriptor)


def open_at_once(path: str, flags: int) -> int:
    """Open a device or a pipe without waiting for a program at its other end, and return its number."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def let_wait(descriptor: int) -> None:
    """Let reads and writes of what was opened at once wait for the other end. Windows has no other way."""
    if hasattr(os, "set_blocking"):
        os.set_blocking(descriptor, True)


def _first_bytes(descriptor: int) -> bytes:
    """Return what is there once a program has opened the pipe for writing."""
    end = time.monotonic() + WAITED_SECONDS
    while True:
        try:
            found = os.read(descriptor, CHUNK_BYTES)
        except BlockingIOError:
            # There is a writer, which has not written yet.
            return b""
        if found:
            return found
        if time.monotonic() > end:
            raise ValueError("no program writes to this pipe")
        time.sleep(PAUSE_SECONDS)


def _read(descriptor: int, most: int) -> bytes:
    parts = []
    while most > 0 and (part := os.read(descriptor, min(CHUNK_BYTES, most))):
        parts.append(part)
        most -= len(part)
    return b"".join(parts)
