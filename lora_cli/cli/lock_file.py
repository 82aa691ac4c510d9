"""`--lock FILE`: where subjects are named, and the lock is read and written."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from lora_cli.analysis.check.lock import ANEW, Held, Subjects, compare, document, recorded
from lora_cli.cli import streams
from lora_cli.errors import InvalidInput, quote_long
from lora_cli.models.files import read_object

if TYPE_CHECKING:
    from lora_cli.analysis.count.matrix_count import Record

MOST_NAMED = 3


class Locked(NamedTuple):
    """The figures held against a lock, what to warn of and to note; `text` is the lock to write, if it is a new one."""

    path: str
    held: list[Held]
    warnings: list[str]
    notes: list[str]
    text: str | None = None

    def keep(self) -> None:
        """Write a new lock, whole or not at all; one that was there stays as it is."""
        if self.text is not None:
            with streams.output_file(self.path) as stream:
                stream.write(self.text)


def held(path: str, subjects: Subjects, output: str | None = None) -> Locked:
    """Hold `subjects`, by key, against the lock at `path`, or prepare to record them where there is none."""
    source = quote_long(path)
    if output is not None and os.path.realpath(output) == os.path.realpath(path):
        raise InvalidInput(f"--lock and --output are both {source}; give --output another FILE")
    if os.path.lexists(path):
        locked = recorded(read_object(path, "a lock"), source)
        return Locked(path, compare(subjects, locked, source), list(_vanished(path, subjects, locked)), [])
    streams.check_output(path)
    # What was recorded is what was found: the text is read back, and not the values that it was written from.
    text = json.dumps(document(subjects), indent=2, allow_nan=False) + "\n"
    found = compare(subjects, recorded(json.loads(text), source), source)
    count = f"{len(subjects)} subject" + ("s" if len(subjects) != 1 else "")
    return Locked(path, found, [], [f"{source} is new and records {count}; later runs are held against it"], text)


def path_key(path: str, lock: str) -> str:
    """Return the key of a file or a folder: its path from the lock's folder.

    It is the same from any working directory, and has a slash, which no name of a model has.
    """
    key = os.path.relpath(_real(path), os.path.dirname(_real(lock))).replace(os.sep, "/")
    return key if "/" in key else f"./{key}"


def _real(path: str) -> str:
    """Return the absolute path, its folder without links; a link at its end is a name of its own."""
    folder, name = os.path.split(os.path.abspath(path))
    return os.path.join(os.path.realpath(folder), name)


def key(record: Record, model: str | None, adapter: str | None, lock: str) -> str:
    """Return the key of what the options name: the adapter's folder, the model's path or name, or `4096 x 14336`."""
    if model is None:
        return f"{record['d']} x {record['h']}"
    if adapter is not None:
        return path_key(adapter if os.path.isdir(adapter) else os.path.dirname(adapter) or ".", lock)
    return path_key(model, lock) if os.path.lexists(model) else model.lower()


def _vanished(path: str, subjects: Subjects, locked: Subjects) -> Iterator[str]:
    """Say which of the recorded paths lead to nothing any more."""
    folder = os.path.dirname(_real(path))
    gone = [
        subject
        for subject in locked
        if "/" in subject and subject not in subjects and not os.path.lexists(os.path.join(folder, subject))
    ]
    if gone:
        named = ", ".join(map(quote_long, gone[:MOST_NAMED])) + (", ..." if len(gone) > MOST_NAMED else "")
        yield f"{quote_long(path)} records what is not there any more ({len(gone)}: {named}); {ANEW}"
