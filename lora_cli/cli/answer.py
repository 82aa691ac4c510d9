"""What a command returns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from lora_cli.cli.presentation import Presentation
from lora_cli.output import Report

if TYPE_CHECKING:
    from lora_cli.output.plots.plot import Plot


class Answer(NamedTuple):
    """A report, how to show it, and what to say on stderr beside it.

    `errors` are wrong with a subject that was read. `troubles` say which inputs could not be read: the run ends with
    exit code 2. `misfits` say what does not fit: it ends with 1. `told` are those sentences that a table of the report
    says, too. `plot` is what is drawn of the report, where that is asked for.
    """

    report: Report
    presentation: Presentation
    warnings: Sequence[str] = ()
    notes: Sequence[str] = ()
    troubles: Sequence[str] = ()
    errors: Sequence[str] = ()
    misfits: Sequence[str] = ()
    told: Sequence[str] = ()
    plot: Plot | None = None

    @property
    def is_written(self) -> bool:
        """Whether the report is shown: a file is written whole or not at all, and without records there is nothing to show."""
        has_all = not self.troubles or self.presentation.has_errors
        # JSON lists what could not be read beside the records.
        is_partial = self.presentation.has_parts or not self.presentation.writes_file
        return has_all or (self.report.size > 0 and is_partial)

    @property
    def failures(self) -> list[str]:
        """One sentence for each record that fails its check."""
        return [failure for failure in self.report.failures or () if failure is not None]


class Printed(NamedTuple):
    """What Typer printed itself (help or a completion script), and its exit code."""

    text: str
    code: int
