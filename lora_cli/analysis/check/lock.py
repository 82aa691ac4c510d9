"""A lock: counts that are recorded once and compared by every later check.

Recorded figures are exact, so any difference is real. A lock knows its subjects by name and compares each by itself,
so a subject gets the same verdict in any batch.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from lora_cli.analysis.check.lock_keys import is_path_key, path_of_key
from lora_cli.analysis.check.verdict import Verdict
from lora_cli.analysis.result import Record
from lora_cli.errors import InvalidInput, OutputFailed, argument, counted, quote, quote_long
from lora_cli.models.files import read_object
from lora_cli.quantities import Value

MARKER = "lora-cli check"
SCHEMA_VERSION = 1
# The figures that are recorded: a text or a whole number each. An unknown figure is not recorded.
FIGURES = ("method", "r", "adapted_modules", "full_params", "trainable_params", "all_params", "adapter_bytes")
TEXTS = ("method",)
MAX_FIGURE = 10**30
RECORD_AGAIN = "delete that file and run again to record it anew"

Figures = Mapping[str, Value]
Subjects = Mapping[str, Figures]


class NewLock(NamedTuple):
    """A lock that does not exist yet: its path and its text."""

    path: str
    text: str


class LockComparison(NamedTuple):
    """The verdicts on each subject by its key, what to say beside them, and the lock to be created."""

    verdicts: Mapping[str, Sequence[Verdict]]
    warnings: Sequence[str] = ()
    notes: Sequence[str] = ()
    new_lock: NewLock | None = None


def compare_with_file(path: str, subjects: Subjects) -> LockComparison:
    """Compare `subjects`, by key, with the lock at `path`; where there is no file, prepare a new one."""
    source = quote_long(path)
    if os.path.lexists(path):
        recorded = read_subjects(read_object(path, "a lock"), source)
        missing = [
            key
            for key in recorded
            if is_path_key(key) and key not in subjects and not os.path.lexists(path_of_key(key, path))
        ]
        warning = f"{source} records what no longer exists: {counted(missing, 'subject')}; {RECORD_AGAIN}"
        return LockComparison(compare(subjects, recorded, source), [warning] if missing else ())
    text = json.dumps(document(subjects), indent=2, allow_nan=False) + "\n"
    # The text is read back, so that the verdicts are those of the next run.
    verdicts = compare(subjects, read_subjects(json.loads(text), source), source)
    amount = f"{len(subjects)} subject{'' if len(subjects) == 1 else 's'}"
    note = f"{source} is new and records {amount}; later runs are compared with it"
    return LockComparison(verdicts, notes=[note], new_lock=NewLock(path, text))


def figures_of(record: Record) -> Figures:
    """Return the figures of a count's record that a lock has, without the unknown ones.

    >>> figures_of({"method": "lora", "d": 8, "h": 8, "r": 2, "trainable_params": 32, "adapter_bytes": None})
    {'method': 'lora', 'r': 2, 'trainable_params': 32}
    """
    return {name: record[name] for name in FIGURES if record.get(name) is not None}


def document(subjects: Subjects) -> dict[str, Any]:
    """Return the JSON object of a lock: sorted, so that it changes only where a figure does."""
    return {
        "lock": MARKER,
        "schema_version": SCHEMA_VERSION,
        "subjects": {key: dict(figures_of(subjects[key])) for key in sorted(subjects)},
    }


def read_subjects(content: Mapping[str, Any], source: str) -> Subjects:
    """Return the subjects of a lock's JSON object; anything but a whole lock raises `InvalidInput`.

    `source` names the file in messages.
    """
    if content.get("lock") != MARKER:
        raise InvalidInput(
            f"{source} is another program's file and not a lock of {MARKER}; give {argument('lock')} another file"
        )
    version = content.get("schema_version")
    if type(version) is not int or version != SCHEMA_VERSION:
        raise InvalidInput(
            f"{source}: schema_version is {quote(version)}, but only {SCHEMA_VERSION} can be read; "
            "use the lora-cli that wrote it, or delete it and run again to record it anew"
        )
    subjects = content.get("subjects")
    if not isinstance(subjects, dict):
        raise _malformed(source, f"subjects is {quote(subjects)}, which is not an object")
    for key, figures in subjects.items():
        _refuse_malformed(key, figures, source)
    return subjects


def _refuse_malformed(key: str, figures: object, source: str) -> None:
    """Refuse figures that no lock has."""
    if not isinstance(figures, dict):
        raise _malformed(source, f"{quote_long(key)} is {quote(figures)}, which is not an object")
    for figure, value in figures.items():
        where = f"{quote_long(key)}: {quote(figure)} is {quote(value)}"
        if figure not in FIGURES:
            raise _malformed(source, f"{where}, which is not a figure of a lock")
        if figure in TEXTS:
            if not isinstance(value, str):
                raise _malformed(source, f"{where}, which is not a string")
        elif type(value) is not int or not 0 <= value <= MAX_FIGURE:
            raise _malformed(source, f"{where}, which is not a whole number from 0 to 10^30")


def _malformed(source: str, problem: str) -> InvalidInput:
    return InvalidInput(f"{source} is malformed: {problem}; restore it, or {RECORD_AGAIN}")


def compare(subjects: Subjects, recorded: Subjects, source: str) -> dict[str, list[Verdict]]:
    """Return a verdict on every figure of each subject, in the order of `FIGURES`; `source` names the lock.

    A figure that is known on only one side is a difference.

    >>> verdicts = compare({"gpt2": {"r": 8, "trainable_params": 294912}}, {"gpt2": {"r": 8}}, "'counts.lock'")
    >>> [(verdict.rule, verdict.limit, verdict.passed) for verdict in verdicts["gpt2"]]
    [('lock: r', 8, True), ('lock: trainable_params', None, False)]
    """
    return {key: list(_compare(key, subjects[key], recorded.get(key), source)) for key in subjects}


def _compare(key: str, now: Figures, then: Figures | None, source: str) -> Iterator[Verdict]:
    if then is None:
        yield Verdict(
            "lock",
            None,
            None,
            f"lock: {quote_long(key)} is not recorded in {source}, which is out of date; {RECORD_AGAIN}",
        )
        return
    for figure in FIGURES:
        value, limit = now.get(figure), then.get(figure)
        if value is None and limit is None:
            continue
        difference = (
            f"lock: {figure} of {quote_long(key)} is {_shown(value)}, recorded as {_shown(limit)} in {source}; "
            f"if the change is intended, {RECORD_AGAIN}"
        )
        yield Verdict(f"lock: {figure}", value, limit, None if value == limit else difference)


def _shown(value: Value) -> str:
    if value is None:
        return "unknown"
    return quote(value) if isinstance(value, str) else f"{value:,}"


def create_lock(new: NewLock) -> None:
    """Write a new lock; a file that appeared at its path meanwhile stays as it is."""
    try:
        with open(new.path, "x", encoding="utf-8", newline="\n") as file:
            file.write(new.text)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise OutputFailed(f"cannot write {quote_long(new.path)}: {reason}; give a path that can be written") from error
