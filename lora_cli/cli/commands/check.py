"""`lora-cli check`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from lora_cli.analysis.check.limits import FIELDS, RULES, Verdict, hold
from lora_cli.analysis.inspect.finding import FINDINGS, SEVERITIES
from lora_cli.cli.application import Answer
from lora_cli.cli.check_paths import Checked, Wanted, check_paths
from lora_cli.cli.options import shared as options
from lora_cli.cli.options import subject
from lora_cli.cli.pyproject_settings import chosen, limits, read_settings
from lora_cli.errors import InvalidInput
from lora_cli.output import Report

if TYPE_CHECKING:
    from lora_cli.analysis.check.lock import Held
    from lora_cli.analysis.inspect.finding import Judged


def check(
    paths: Annotated[
        list[str] | None, typer.Argument(metavar="[PATH]...", help="Adapters, their configs, or models.")
    ] = None,
    d: subject.D = None,
    h: subject.H = None,
    r: subject.R = None,
    model: subject.ModelSource = None,
    target: subject.Target = None,
    adapter: subject.Adapter = None,
    method: subject.Method = None,
    alpha: subject.Alpha = None,
    fields: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="A field of the method's PEFT config; may be repeated."),
    ] = None,
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
    fail_on: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Findings that fail: error, warning, note or a code.  [default: error]"),
    ] = None,
    ignore: Annotated[list[str] | None, typer.Option(metavar="CODE", help="Findings to leave out.")] = None,
    lock: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Record the counts in FILE, and from then on fail on any difference."),
    ] = None,
    format: options.JudgesFormat = "auto",
    field: options.Field = None,
    output: options.Output = None,
    color: options.Color = "auto",
) -> Answer:
    """Check adapters against limits, and for what is wrong with them.

    \b
    A PATH is the folder or a file of a trained adapter, an
    adapter_config.json (with --model), or a model. A limit holds at
    equality. Exit codes: 0 all hold, 1 one does not, 2 it could not be
    checked. Limits may stand in [tool.lora-cli] of pyproject.toml too, as
    max-params = "20M"; an option wins over them.

    \b
    Examples:
      lora-cli check -d 4096 -h 4096 -r 16 --max-percent 1 --max-params 200K
      lora-cli check -d 4096 -h 4096 -r 16 --expect-params 131072
      lora-cli check --model llama-3.2-3b --target q_proj,v_proj -r 32 --max-params 10M
      lora-cli check my-adapter --max-bytes 50MB --fail-on warning
    """
    show = options.Show(format, field, output, color)
    settings = read_settings(FINDINGS)
    given = (max_percent, max_params, min_saved, expect_params, max_bytes)
    wanted = Wanted(
        limits(dict(zip(RULES, given, strict=True)), settings),
        chosen("--fail-on", fail_on, (*SEVERITIES, *FINDINGS), settings.fail_on),
        chosen("--ignore", ignore, FINDINGS, settings.ignore),
    )
    how = subject.How(method, r, alpha, fields or (), target, adapter, adapter_dtype)
    if not paths and d is None and h is None and model is None:
        raise InvalidInput(
            "there is nothing to check; give the PATH of an adapter, --model, or one matrix by -d, -h and -r"
        )
    if paths:
        if d is not None or h is not None:
            raise InvalidInput("-d and -h are one matrix's, PATH is a file or a folder; leave one of them out")
        checked = list(check_paths(paths, model, how, wanted))
    else:
        counted = subject.cost(d, h, model, how)
        checked = [
            Checked("", [*hold(counted.cost, wanted.limits)], counted.cost.record(), counted.warnings, counted.notes)
        ]
    if lock is None and not all(each.verdicts for each in checked):
        raise InvalidInput(
            f"no limit to check; give at least one of {', '.join(RULES)} as an option or in pyproject.toml, or --lock"
        )
    judged: list[tuple[str, Verdict | Judged | Held]] = [(each.path, one) for each in checked for one in each.verdicts]
    warnings = [warning for each in checked for warning in each.warnings]
    notes = [note for each in checked for note in each.notes]
    whole = [(each.path, each.counts) for each in checked if each.counts is not None]
    if lock is None or (len(whole) < len(checked) and not os.path.lexists(lock)):
        # What cannot be read fails, and is not recorded.
        return Answer(_report(judged, bool(paths)), show, warnings, notes)
    from lora_cli.analysis.check.lock import figures
    from lora_cli.cli.lock_file import held, key, path_key

    counts = {
        path_key(path, lock) if paths else key(record, model, adapter, lock): (path, figures(record))
        for path, record in whole
    }
    locked = held(lock, {name: found for name, (_, found) in counts.items()}, output)
    judged += [(counts[one.subject][0], one) for one in locked.held]
    report = _report(judged, bool(paths))
    # Nothing is recorded by a run that will be refused.
    show.writer(report.command, report.fields, report.size)
    locked.keep()
    return Answer(report, show, [*warnings, *locked.warnings], [*notes, *locked.notes])


def _failure(path: str, verdict: Verdict | Judged | Held) -> str:
    """Return what is wrong; findings and locked figures say themselves where."""
    return f"{path}: {verdict.failure()}" if path and isinstance(verdict, Verdict) else verdict.failure()


def _report(judged: Sequence[tuple[str, Verdict | Judged | Held]], with_paths: bool) -> Report:
    """Return the report of some verdicts, a record each, which say of which path they are where there are any."""
    rows = [(*((path,) if with_paths else ()), *verdict.record().values()) for path, verdict in judged]
    failures = [None if verdict.passed else _failure(path, verdict) for path, verdict in judged]
    return Report(
        "check", (*(("path",) if with_paths else ()), *FIELDS), [rows], len(rows), listing=True, failures=failures
    )
