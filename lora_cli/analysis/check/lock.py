"""Whether counts are still what they were: recorded once, compared ever after.

What is recorded is exact, so any difference is one. A lock knows its subjects by name and holds each alone, so
that a subject gets the same verdict in any batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lora_cli.analysis.count.matrix_count import Record
from lora_cli.errors import InvalidInput, quote, quote_long
from lora_cli.quantities import Value

MARKER = "lora-cli check"
SCHEMA_VERSION = 1
# A text or a whole number each. A figure that is not known is not recorded.
FIGURES = ("method", "r", "adapted_modules", "full_params", "trainable_params", "all_params", "adapter_bytes")
TEXTS = ("method",)
MAX_FIGURE = 10**30
ANEW = "delete that file and run again to record it anew"

Figures = Mapping[str, Value]
Subjects = Mapping[str, Figures]


@dataclass(frozen=True, slots=True)
class Held:
    """A figure of a subject held against its record in the lock `source`; no figure stands for the subject itself."""

    subject: str
    figure: str | None
    value: Value
    limit: Value
    source: str

    @property
    def rule(self) -> str:
        """The rule's name."""
        return "lock" if self.figure is None else f"lock: {self.figure}"

    @property
    def passed(self) -> bool:
        """Whether the figure is what was recorded; a subject that is not recorded does not pass."""
        return self.figure is not None and self.value == self.limit

    def record(self) -> Record:
        """Return the verdict by name, as the record of a limit."""
        return {"rule": self.rule, "value": self.value, "limit": self.limit, "passed": self.passed}

    def failure(self) -> str:
        """Say what it is, what was recorded, and how to record it anew.

        >>> Held("gpt2", "trainable_params", 589824, 294912, "'counts.lock'").failure()
        "lock: trainable_params of 'gpt2' is 589,824, recorded as 294,912 in 'counts.lock'; if that is right, delete that file and run again to record it anew"
        """
        if self.figure is None:
            return f"lock: {quote_long(self.subject)} is not recorded in {self.source}, which is stale; {ANEW}"
        return (
            f"lock: {self.figure} of {quote_long(self.subject)} is {_shown(self.value)}, "
            f"recorded as {_shown(self.limit)} in {self.source}; if that is right, {ANEW}"
        )


def _shown(value: Value) -> str:
    if value is None:
        return "unknown"
    return quote(value) if isinstance(value, str) else f"{value:,}"


def figures(record: Record) -> Figures:
    """Return what a lock holds of a count's record: the figures that it has and that are known.

    >>> figures({"method": "lora", "d": 8, "h": 8, "r": 2, "trainable_params": 32, "adapter_bytes": None})
    {'method': 'lora', 'r': 2, 'trainable_params': 32}
    """
    return {name: record[name] for name in FIGURES if record.get(name) is not None}


def document(subjects: Subjects) -> dict[str, Any]:
    """Return the lock of some subjects, as JSON has it: sorted, so that it changes only where a figure does."""
    return {
        "lock": MARKER,
        "schema_version": SCHEMA_VERSION,
        "subjects": {subject: dict(figures(subjects[subject])) for subject in sorted(subjects)},
    }


def recorded(content: Mapping[str, Any], source: str) -> Subjects:
    """Return the subjects of a lock that was read; anything else than a whole lock raises `InvalidInput`.

    `source` names the file in messages.
    """
    if content.get("lock") != MARKER:
        raise InvalidInput(f"{source} is another program's file, and no lock of {MARKER}; give --lock another FILE")
    version = content.get("schema_version")
    if type(version) is not int or version != SCHEMA_VERSION:
        raise InvalidInput(
            f"{source}: schema_version is {quote(version)}, and {SCHEMA_VERSION} is read; "
            "use the lora-cli that wrote it, or delete it and run again to record it anew"
        )
    subjects = content.get("subjects")
    if not isinstance(subjects, dict):
        raise _malformed(source, f"subjects is {quote(subjects)}, which is no object")
    for subject, found in subjects.items():
        _check(subject, found, source)
    return subjects


def _check(subject: str, found: object, source: str) -> None:
    """Refuse figures that no lock has."""
    if not isinstance(found, dict):
        raise _malformed(source, f"{quote_long(subject)} is {quote(found)}, which is no object")
    for figure, value in found.items():
        where = f"{quote_long(subject)}: {quote(figure)} is {quote(value)}"
        if figure not in FIGURES:
            raise _malformed(source, f"{where}, which no lock has")
        if figure in TEXTS:
            if not isinstance(value, str):
                raise _malformed(source, f"{where}, which is no text")
        elif type(value) is not int or not 0 <= value <= MAX_FIGURE:
            raise _malformed(source, f"{where}, which is no whole number from 0 to 10^30")


def _malformed(source: str, problem: str) -> InvalidInput:
    return InvalidInput(f"{source} is malformed: {problem}; restore it, or {ANEW}")


def compare(subjects: Subjects, locked: Subjects, source: str) -> list[Held]:
    """Hold every figure of `subjects` against the `locked` ones, subject by subject, in the order of `FIGURES`.

    A figure that is known on one side alone is a difference.

    >>> held = compare({"gpt2": {"r": 8, "trainable_params": 294912}}, {"gpt2": {"r": 8}}, "'counts.lock'")
    >>> [(one.rule, one.limit, one.passed) for one in held]
    [('lock: r', 8, True), ('lock: trainable_params', None, False)]
    """
    return [held for subject in subjects for held in _compare(subject, subjects[subject], locked.get(subject), source)]


def _compare(subject: str, now: Figures, then: Figures | None, source: str) -> Iterator[Held]:
    if then is None:
        yield Held(subject, None, None, None, source)
        return
    for figure in FIGURES:
        value, limit = now.get(figure), then.get(figure)
        if value is not None or limit is not None:
            yield Held(subject, figure, value, limit, source)
