"""The file of a lock, which several runs may change at once: it is merged and replaced by one of them at a time."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from lora_cli.analysis.check.lock import LockUpdate, lock_text, merged, read_lock
from lora_cli.errors import OutputFailed, quote_long
from lora_cli.models.files import replacement

# Another run needs some milliseconds.
WAITED_SECONDS = 5.0
PAUSE_SECONDS = 0.01


def write_lock(update: LockUpdate) -> None:
    """Write the records of an update into its file, beside the others that are there by now."""
    path = os.path.realpath(update.path)
    try:
        with _alone_in(os.path.dirname(path)):
            mode = os.stat(path).st_mode if os.path.lexists(path) else None
            text = lock_text(merged(read_lock(path), update.subjects))
            with replacement(path, mode) as file:
                file.write(text)
    except OSError as error:
        if isinstance(error, OutputFailed):
            raise
        raise OutputFailed(
            f"cannot write {quote_long(update.path)}: {error.strerror}; give a path that can be written"
        ) from error


@contextmanager
def _alone_in(folder: str) -> Iterator[None]:
    """Keep other runs from writing locks in a folder. Where the system cannot, the file is still replaced as a whole."""
    try:
        # Windows has no such module.
        fcntl = import_module("fcntl")
    except ImportError:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        end = time.monotonic() + WAITED_SECONDS
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > end:
                    raise OutputFailed(
                        f"another program has locked {quote_long(folder)} for {WAITED_SECONDS:.0f} s; run again when it has ended"
                    ) from error
                time.sleep(PAUSE_SECONDS)
            except OSError:
                # Some file systems have no locks.
                break
        yield
    finally:
        os.close(descriptor)
