"""`lora-cli check`."""

from __future__ import annotations

import math
from typing import Annotated

import typer

from lora_cli.analysis.check import FIELDS
from lora_cli.analysis.check import check as check_limits
from lora_cli.cli import options, subject
from lora_cli.cli.app import Answer
from lora_cli.output import Report
from lora_cli.quantities import parse_count, parse_percent


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
    format: options.JudgesFormat = "auto",
    field: options.Field = None,
    output: options.Output = None,
    color: options.Color = "auto",
) -> Answer:
    """Check an adapter's size against limits.

    \b
    A limit holds at equality. Exit codes: 0 all hold, 1 one does not,
    2 it could not be checked.

    \b
    Examples:
      lora-cli check -d 4096 -h 4096 -r 16 --max-percent 1 --max-params 200K
      lora-cli check -d 4096 -h 4096 -r 16 --expect-params 131072
      lora-cli check --model llama-3.2-3b --target q_proj,v_proj -r 32 --max-params 10M
    """
    cost, warnings, notes = subject.cost(d, h, model, subject.How(method, r, alpha, settings or (), target, adapter))
    verdicts = check_limits(
        cost,
        max_percent=options.read_given("--max-percent", max_percent, parse_percent, 0),
        max_params=options.read_given("--max-params", max_params, parse_count),
        min_saved=options.read_given("--min-saved", min_saved, parse_percent, -math.inf, 100),
        expect_params=options.read_given("--expect-params", expect_params, parse_count),
    )
    failures = [None if verdict.passed else verdict.failure() for verdict in verdicts]
    rows = [tuple(verdict.record().values()) for verdict in verdicts]
    report = Report("check", FIELDS, [rows], len(rows), listing=True, failures=failures)
    return Answer(report, options.Show(format, field, output, color), warnings, notes)
