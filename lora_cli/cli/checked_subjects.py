"""The subjects of a check, each with the file that it is annotated at, and those that could not be read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from lora_cli.analysis.check.subject_check import SubjectCheck
from lora_cli.analysis.each_path import Unread
from lora_cli.cli.locations import model_location, own_location, path_location
from lora_cli.output.report import Location, Trouble

FINDING_FIELDS = ("severity", "code", "message", "remedy")


class CheckedSubjects(NamedTuple):
    """The checks, the file of each by its path, and the subjects without a check."""

    checks: Sequence[SubjectCheck]
    locations: Mapping[str | None, Location | None]
    troubles: Sequence[Trouble]

    def findings(self) -> list[Mapping[str, Any]] | None:
        """Return what was found in trained adapters as JSON shows it, or None where none was checked."""
        if all(check.findings is None for check in self.checks):
            return None
        return [
            {"path": check.path, **{name: getattr(finding, name) for name in FINDING_FIELDS}}
            for check in self.checks
            for finding in check.findings or ()
        ]


def checked_subjects(found: Iterable[SubjectCheck | Unread]) -> CheckedSubjects:
    """Return what was found of some subjects, each annotated at its config or at that of its model."""
    checks: list[SubjectCheck] = []
    troubles: list[Trouble] = []
    for each in found:
        if isinstance(each, Unread):
            troubles.append(Trouble(each.path, each.sentence(), path_location(each.path)))
        else:
            checks.append(each)
    locations = {check.path: own_location(check) or model_location(check) for check in checks}
    return CheckedSubjects(checks, locations, troubles)
