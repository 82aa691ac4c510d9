"""`lora-cli check`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from lora_cli.analysis.check import FIELDS, RULES, hold
from lora_cli.cli import options, subject
from lora_cli.cli.app import Answer
from lora_cli.cli.settings import limits, read_settings
from lora_cli.errors import InvalidInput
from lora_cli.output import Report

if TYPE_CHECKING:
    from lora_cli.analysis.check import Verdict
    from lora_cli.analysis.lock import Held


def check(
    d: subject.D = None,
    h: subject.H = None,
    r: subject.R = None,
    model: subject.ModelSource = None,
    target: subject.Target = None,
    adapter: subject.Adapter = None,
    method: subject.Method = None,
    alpha: subject.Alpha = None,
    settings: subject.Set = None,
    adapter_dtype: subject.AdapterDtype = None,
    max_percent: Annotated[
        str | None, typer.Option(metavar="PERCENT", help="At most this much of full fine-tuning is trained.")
    ] = None,
    max_params: Annotated[
        str | None,
        typer.Option(metavar="COUNT", help="At most so many parameters are trained, as 131072, 200K or 20M."),
    ] = None,
    min_saved: Annotated[
        str | None, typer.Option(metavar="PERCENT", help="At least this much of full fine-tuning is saved.")
    ] = None,
    expect_params: Annotated[
        str | None, typer.Option(metavar="COUNT", help="Exactly so many parameters are trained.")
    ] = None,
    max_bytes: Annotated[
        str | None, typer.Option(metavar="SIZE", help="At most this large is the adapter's file, as 50MB or 50MiB.")
    ] = None,
    lock: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Record the counts in FILE, and from then on fail on any difference."),
    ] = None,
    format: options.JudgesFormat = "auto",
    field: options.Field = None,
    output: options.Output = None,
    color: options.Color = "auto",
) -> Answer:
    """Check an adapter's size against limits.

    \b
    A limit holds at equality. Exit codes: 0 all hold, 1 one does not,
    2 it could not be checked. Limits may stand in [tool.lora-cli] of
    pyproject.toml too, as max-params = "20M"; an option wins over them.

    \b
    Examples:
      lora-cli check -d 4096 -h 4096 -r 16 --max-percent 1 --max-params 200K
      lora-cli check -d 4096 -h 4096 -r 16 --expect-params 131072
      lora-cli check --model llama-3.2-3b --target q_proj,v_proj -r 32 --max-params 10M
    """
    show = options.Show(format, field, output, color)
    given = (max_percent, max_params, min_saved, expect_params, max_bytes)
    wanted = limits(dict(zip(RULES, given, strict=True)), read_settings())
    if not wanted and lock is None:
        raise InvalidInput(
            f"no limit to check; give at least one of {', '.join(RULES)} as an option or in pyproject.toml, or --lock"
        )
    how = subject.How(method, r, alpha, settings or (), target, adapter, adapter_dtype)
    counted = subject.cost(d, h, model, how)
    verdicts: list[Verdict | Held] = [*hold(counted.cost, wanted)]
    warnings, notes = counted.warnings, [*counted.notes]
    if lock is not None:
        from lora_cli.analysis.lock import figures
        from lora_cli.cli.lock import held, key

        record = counted.cost.record()
        locked = held(lock, {key(record, model, adapter, lock): figures(record)}, output)
        verdicts += locked.held
        warnings, notes = [*warnings, *locked.warnings], [*notes, *locked.notes]
    report = judged(verdicts)
    if lock is not None:
        # Nothing is recorded by a run that will be refused.
        show.writer(report.command, report.fields, report.size)
        locked.keep()
    return Answer(report, show, warnings, notes)


def judged(verdicts: Sequence[Verdict | Held]) -> Report:
    """Return the report of some verdicts, a record each."""
    rows = [tuple(verdict.record().values()) for verdict in verdicts]
    failures = [None if verdict.passed else verdict.failure() for verdict in verdicts]
    return Report("check", FIELDS, [rows], len(rows), listing=True, failures=failures)
