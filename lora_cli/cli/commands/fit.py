"""`lora-cli fit`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from lora_cli.cli.application import Answer
from lora_cli.cli.fit_output import write_config
from lora_cli.cli.fit_subject import Subject, each_opened, opened, read_subject
from lora_cli.cli.options import shared as options
from lora_cli.cli.options import subject
from lora_cli.errors import InvalidInput
from lora_cli.output import Report
from lora_cli.quantities import parse_bytes, parse_count, parse_percent

if TYPE_CHECKING:
    from lora_cli.analysis.fit.budget import Limits
    from lora_cli.analysis.fit.largest_size import Fitted, Opened

# What people see of other targets, and under which names.
SHOWN = ("target", "knob", "size", "adapted_modules", "trainable_params", "headroom")
NAMED = {"target": "other_targets"}


def fit(
    d: subject.D = None,
    h: subject.H = None,
    model: subject.ModelSource = None,
    target: subject.Target = None,
    adapter: subject.Adapter = None,
    method: Annotated[
        str | None,
        typer.Option("--method", metavar="NAMES", help="Methods to fit, as lora,dora,loha.  [default: lora]"),
    ] = None,
    alpha: subject.Alpha = None,
    settings: subject.Set = None,
    adapter_dtype: subject.AdapterDtype = None,
    max_params: Annotated[
        str | None,
        typer.Option(metavar="COUNT", help="At most so many parameters are trained, as 131072, 200K or 20M."),
    ] = None,
    max_percent: Annotated[
        str | None, typer.Option(metavar="PERCENT", help="At most this much of full fine-tuning is trained.")
    ] = None,
    max_bytes: Annotated[
        str | None, typer.Option(metavar="SIZE", help="At most so large is the saved adapter, as 4096, 50MB or 50MiB.")
    ] = None,
    write: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Write DIR/adapter_config.json for PEFT; one that is there is kept."),
    ] = None,
    format: options.Format = "auto",
    field: options.Field = None,
    output: options.Output = None,
    color: options.Color = "auto",
) -> Answer:
    """Find the largest rank that stays inside a budget.

    \b
    LoRA trains r * (d + h) parameters, so r is budget / (d + h), rounded
    down; for models and other methods it is searched for, exactly: the next
    larger one breaks a limit. A limit holds at equality, and several all
    hold. A method without a rank is fitted by the field that sets its size
    (the knob that lora-cli methods lists). No rank above min(d, h) is given.

    \b
    Examples:
      lora-cli fit -d 4096 -h 4096 --max-params 200K
      lora-cli fit --model llama-3.1-8b --target all-linear --max-params 20M
      lora-cli fit --model llama-3.1-8b --method lora,dora,loha,vera --max-bytes 50MB
    """
    from lora_cli.analysis.fit.budget import checked_limits

    show = options.Show(format, field, output, color)
    limits = checked_limits(
        options.read_given("--max-params", max_params, parse_count),
        options.read_given("--max-percent", max_percent, parse_percent, 0),
        options.read_given("--max-bytes", max_bytes, parse_bytes),
    )
    names = [None] if method is None else [name.strip() for name in method.split(",")]
    if write is not None and (model is None or len(names) > 1):
        what = "one matrix is none" if model is None else f"{len(names)} methods are as many files"
        raise InvalidInput(f"--write writes one adapter_config.json of a model, and {what}; leave it out")
    if adapter is not None and len(names) > 1:
        raise InvalidInput("--adapter is the config of one method; leave --method out")
    asked = read_subject(d, h, model)
    hows = [subject.How(name, None, alpha, settings or (), target, adapter, adapter_dtype) for name in names]
    if len(hows) > 1:
        return _several(asked, hows, limits, show)
    found, warnings = opened(asked, hows[0])
    return _one(found, limits, show, warnings, model, write)


def _one(
    found: Opened, limits: Limits, show: options.Show, warnings: list[str], model: str | None, write: str | None
) -> Answer:
    """Return the answer of one method, and what other targets would get."""
    from lora_cli.analysis.fit.alternatives import alternatives
    from lora_cli.analysis.fit.largest_size import fit_opened

    fitted = fit_opened(found, limits)
    others = [] if model is None else list(alternatives(found, limits))
    record = fitted.record()
    cost = fitted.cost
    report = Report(
        "fit",
        tuple(record),
        [[tuple(record.values())]],
        parts={} if model is None else {"alternatives": others},
        details=[{NAMED.get(name, name): row[name] for name in SHOWN} for row in others],
    )
    notes = [*cost.notes(), *fitted.notes]
    if model is not None and write is not None:
        # Whatever else could be wrong with the command is known before there is a file.
        show.writer(report.command, report.fields)
        notes += write_config(found, fitted, write, model, show.output)
    return Answer(report, show, warnings + cost.warnings(), notes)


def _several(asked: Subject, hows: Sequence[subject.How], limits: Limits, show: options.Show) -> Answer:
    """Return a row for each of several methods that fits, and a warning for each that does not."""
    from lora_cli.analysis.fit.largest_size import fit_opened

    fits: list[Fitted] = []
    refused: dict[str, InvalidInput] = {}
    for how, found in zip(hows, each_opened(asked, hows), strict=True):
        try:
            if isinstance(found, InvalidInput):
                raise found
            fits.append(fit_opened(found, limits))
        except InvalidInput as refusal:
            refused[str(how.method)] = refusal
    if not fits:
        nearest = min(refused.values(), key=lambda refusal: getattr(refusal, "times", math.inf))
        raise InvalidInput(f"none of the {len(hows)} methods fits, and this one is the nearest: {nearest}")
    warnings = [warning for fitted in fits for warning in fitted.cost.warnings()]
    missing = [f"{name} is left out: {refusal}" for name, refusal in refused.items()]
    notes = [note for fitted in fits for note in (*fitted.cost.notes(), *fitted.notes)]
    rows = [tuple(fitted.record().values()) for fitted in fits]
    report = Report("fit", tuple(fits[0].record()), [rows], len(rows), listing=True)
    return Answer(report, show, [*dict.fromkeys(warnings), *missing], list(dict.fromkeys(notes)))
