"""The subjects of a check, each with the file that it is annotated at, and those that could not be read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from lora_cli.analysis.check.path_checks import Unchecked
from lora_cli.analysis.check.subject_check import SubjectCheck
from lora_cli.cli.locations import model_location, own_location, path_location
from lora_cli.errors import quote_long
from lora_cli.output.report import Location, Trouble


class CheckedSubjects(NamedTuple):
    """The checks, the file of each by its path, and the subjects without a check."""

    checks: Sequence[SubjectCheck]
    locations: Mapping[str | None, Location | None]
    troubles: Sequence[Trouble]


def checked_subjects(found: Iterable[SubjectCheck | Unchecked]) -> CheckedSubjects:
    """Return what was found of some subjects, each annotated at its config or at that of its model."""
    checks: list[SubjectCheck] = []
    troubles: list[Trouble] = []
    for each in found:
        if isinstance(each, Unchecked):
            troubles.append(_trouble(each))
        else:
            checks.append(each)
    locations = {check.path: own_location(check) or model_location(check) for check in checks}
    return CheckedSubjects(checks, locations, troubles)


def _trouble(unchecked: Unchecked) -> Trouble:
    """Return why a path has no check, with its name, which a message about an option lacks."""
    path, message = unchecked.path, str(unchecked.error)
    return Trouble(path, message if _names(message, path) else f"{path}: {message}", path_location(path))


def _names(message: str, path: str) -> bool:
    """Whether a message quotes a path, or that of a file in it.

    >>> _names("'c/config.json' is not JSON", "c"), _names("no module is targeted by 'c_attm'", "c")
    (True, False)
    """
    start, mark = quote_long(path)[:-1].rstrip("/\\"), quote_long(path)[-1]
    return any(f"{start}{end}" in message for end in (mark, "/", "\\"))
