"""How a finding is declared: a stable code, its severity, a remedy, and the function that looks for it."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar

from lora_cli.errors import counted


class Subject(Protocol):
    """What is looked at: an adapter, or an adapter and the program that is to load it."""

    @property
    def path(self) -> str:
        """The adapter's path, as the caller wrote it."""


S = TypeVar("S", bound=Subject)
# A function that looks for something yields a sentence for each time it finds it, without a full stop, alone or with a
# remedy that is better than that of its kind.
Look = Callable[[S], Iterable[str | tuple[str, str]]]

ERROR, WARNING, NOTE = "error", "warning", "note"
SEVERITIES = (ERROR, WARNING, NOTE)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong with an adapter."""

    adapter: str
    severity: str
    code: str
    message: str
    remedy: str

    def sentence(self, rule: str = "") -> str:
        """Return the finding as one line, which says by which rule of a check it fails if one is given.

        >>> Finding("out", "error", "nan", "1 tensor ('q') contains NaN", "go back").sentence()
        "out: 1 tensor ('q') contains NaN; go back [nan]"
        """
        start = f"{rule}: " if rule else ""
        return f"{self.adapter}: {start}{self.message}; {self.remedy} [{self.code}]"

    def fails(self, fail_on: Container[str]) -> bool:
        """Whether a check fails on it, by its code, its severity or a lesser one.

        >>> Finding("out", "error", "nan", "1 tensor ('q') contains NaN", "go back").fails(["warning"])
        True
        """
        return self.code in fail_on or any(each in fail_on for each in SEVERITIES[SEVERITIES.index(self.severity) :])


class Kind(NamedTuple, Generic[S]):
    """A kind of finding, and the function that looks for it."""

    code: str
    severity: str
    remedy: str
    look: Look[S]

    def found_in(self, subject: S) -> Iterator[Finding]:
        """Yield each finding of this kind in an adapter."""
        for found in self.look(subject):
            message, remedy = (found, self.remedy) if isinstance(found, str) else found
            yield Finding(subject.path, self.severity, self.code, message, remedy)


def finding(code: str, severity: str, remedy: str) -> Callable[[Look[S]], Kind[S]]:
    """Declare the function below it as the one that looks for a kind of finding."""
    return lambda look: Kind(code, severity, remedy, look)


def counted_with(names: Sequence[str], noun: str, verb: str, plural_verb: str) -> str:
    """Return how many names there are of a kind, the first few, and a verb that agrees with their number.

    >>> counted_with(["a"], "tensor", "is", "are"), counted_with(["a", "b"], "tensor", "is", "are")
    ("1 tensor ('a') is", "2 tensors ('a', 'b') are")
    """
    return f"{counted(names, noun)} {verb if len(names) == 1 else plural_verb}"


def shape_text(sizes: Sequence[int]) -> str:
    """Return a shape for people.

    >>> shape_text((4, 32)), shape_text(())
    ('4 x 32', 'one value')
    """
    return " x ".join(map(str, sizes)) or "one value"
