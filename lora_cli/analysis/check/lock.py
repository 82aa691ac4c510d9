"""A lock: counts that are recorded, and compared by every later check.

Recorded figures are exact, so any difference is real. A lock knows its subjects by name and compares each by itself,
so a subject gets the same verdict in any batch.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from lora_cli.analysis.check.lock_keys import path_of_key, subject_of_key
from lora_cli.analysis.check.verdict import Verdict
from lora_cli.analysis.result import Record
from lora_cli.analysis.revisions import REVISIONS
from lora_cli.errors import InvalidInput, UnreadableFile, argument, counted, quote, quote_long
from lora_cli.models.files import read_object
from lora_cli.quantities import Value

MARKER = "lora-cli check"
SCHEMA_VERSION = 1
# The figures that are recorded: a text or a whole number each. An unknown figure is not recorded.
FIGURES = (
    *("method", "r", "adapted_modules", "full_params", "trainable_params", "all_params", "adapter_bytes"),
    *REVISIONS,
)
TEXTS = ("method", *REVISIONS)
MAX_FIGURE = 10**30
Figures = Mapping[str, Value]
Subjects = Mapping[str, Figures]


class LockUpdate(NamedTuple):
    """What is to be written into a lock: its path, and the records that are new or have changed."""

    path: str
    subjects: Subjects


class LockComparison(NamedTuple):
    """The verdicts on each subject by its key, what to say beside them, and what is to be written, if anything is."""

    verdicts: Mapping[str, Sequence[Verdict]]
    warnings: Sequence[str] = ()
    notes: Sequence[str] = ()
    update: LockUpdate | None = None


def compare_with_file(path: str, subjects: Subjects) -> LockComparison:
    """Compare `subjects`, by key, with the lock at `path`."""
    source = quote_long(path)
    if not os.path.lexists(path):
        raise InvalidInput(f"{argument('lock')}: {source} does not exist; {_record_again()}")
    recorded = read_lock(path)
    verdicts = compare(subjects, recorded, source)
    return LockComparison(verdicts, _gone(recorded, subjects, path), _unrecorded(subjects, recorded, source))


def update_of_file(path: str, subjects: Subjects) -> LockComparison:
    """Return what `subjects` change in the lock at `path`, or in a new one, which all of them pass then."""
    source, recorded = quote_long(path), read_lock(path)
    # The text is read back, so that the verdicts are those of the next run.
    now = read_subjects(json.loads(lock_text(subjects)), source)
    update = {key: now[key] for key in now if now[key] != recorded.get(key)}
    amounts = {"new": len(update.keys() - recorded.keys()), "changed": len(update.keys() & recorded.keys())}
    listed = " and ".join(f"{amount} {what} subject{'s'[: amount != 1]}" for what, amount in amounts.items() if amount)
    return LockComparison(
        compare(subjects, now, source),
        _gone(recorded, subjects, path),
        [f"{source} records {listed}"] if update else (),
        LockUpdate(path, update) if update or not os.path.lexists(path) else None,
    )


def read_lock(path: str) -> Subjects:
    """Return the subjects of the lock at `path`, or none if the file does not exist."""
    if not os.path.lexists(path):
        return {}
    try:
        content = read_object(path, "a lock")
    except UnreadableFile as error:
        raise UnreadableFile(
            f"{error}; it is not a lock: restore it, or write a new one with {argument('update_lock')} to another file"
        ) from error
    return read_subjects(content, quote_long(path))


def merged(recorded: Subjects, update: Subjects) -> Subjects:
    """Return the subjects of a lock after an update: those that it does not name stay as they are.

    >>> merged({"a": {"r": 8}, "b": {"r": 8}}, {"b": {"r": 4}})
    {'a': {'r': 8}, 'b': {'r': 4}}
    """
    return {**recorded, **update}


def _gone(recorded: Subjects, subjects: Subjects, path: str) -> list[str]:
    """Return a warning if the files of some records no longer exist."""
    paths = {key: path_of_key(key, path) for key in recorded if key not in subjects}
    missing = [key for key, own in paths.items() if own is not None and not os.path.lexists(own)]
    if not missing:
        return []
    return [f"{quote_long(path)} records what no longer exists: {counted(missing, 'subject')}; remove its entry"]


def _unrecorded(subjects: Subjects, recorded: Subjects, source: str) -> list[str]:
    """Return a note of the figures that were not known when the lock was written and are known now."""
    records = _records(subjects, recorded)
    new = {key: now.keys() - then.keys() for key, now in subjects.items() if (then := records[key])}
    keys = [key for key, figures in new.items() if figures]
    if not keys:
        return []
    figures = ", ".join(figure for figure in FIGURES if any(figure in new[key] for key in keys))
    return [f"{source} has no {figures} of {counted(keys, 'subject')}, which was not known then; {_record_again()}"]


def _record_again() -> str:
    return f"run again with {argument('update_lock')} to record it"


def figures_of(record: Record) -> Figures:
    """Return the figures of a count's record that a lock has, without the unknown ones.

    >>> figures_of({"method": "lora", "d": 8, "h": 8, "r": 2, "trainable_params": 32, "adapter_bytes": None})
    {'method': 'lora', 'r': 2, 'trainable_params': 32}
    """
    return {name: record[name] for name in FIGURES if record.get(name) is not None}


def lock_text(subjects: Subjects) -> str:
    """Return the text of a lock."""
    return json.dumps(document(subjects), indent=2, allow_nan=False) + "\n"


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
            f"use the lora-cli that wrote it, or delete it and {_record_again()}"
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
    return InvalidInput(f"{source} is malformed: {problem}; restore it, or delete it and {_record_again()}")


def compare(subjects: Subjects, recorded: Subjects, source: str) -> dict[str, list[Verdict]]:
    """Return a verdict on every figure of each subject, in the order of `FIGURES`; `source` names the lock.

    A figure that is recorded and unknown now is a difference; one that was unknown when the lock was written has nothing
    to be compared with. A config that is not recorded is compared with the only one that is recorded of its subject, if
    there is one, so that a change of the config shows what it changes.

    >>> verdicts = compare({"gpt2": {"method": "lora", "r": 8}}, {"gpt2": {"r": 8, "full_params": 9}}, "'counts.lock'")
    >>> [(verdict.rule, verdict.value, verdict.limit, verdict.passed) for verdict in verdicts["gpt2"]]
    [('lock: r', 8, 8, True), ('lock: full_params', None, 9, False)]
    """
    records = _records(subjects, recorded)
    return {key: list(_compare(key, now, records[key], source)) for key, now in subjects.items()}


def _records(subjects: Subjects, recorded: Subjects) -> Mapping[str, Figures | None]:
    """Return what is recorded of each subject, or else of its only other config."""
    configs = Counter(map(subject_of_key, recorded))
    alone = {subject_of_key(key): figures for key, figures in recorded.items() if configs[subject_of_key(key)] == 1}
    return {key: recorded.get(key, alone.get(subject_of_key(key))) for key in subjects}


def _compare(key: str, now: Figures, then: Figures | None, source: str) -> Iterator[Verdict]:
    if then is None:
        yield Verdict(
            "lock",
            None,
            None,
            f"{key}: lock: it is not recorded in {source}, which is out of date; {_record_again()}",
        )
        return
    for figure in (name for name in FIGURES if name in then):
        value, limit = now.get(figure), then[figure]
        difference = (
            f"{key}: lock: {figure} is {_shown(value)}, recorded as {_shown(limit)} in {source}; "
            f"if the change is intended, {_record_again()}"
        )
        yield Verdict(f"lock: {figure}", value, limit, None if value == limit else difference)


def _shown(value: Value) -> str:
    if value is None:
        return "unknown"
    return quote(value) if isinstance(value, str) else f"{value:,}"
