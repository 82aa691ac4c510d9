"""`lora-cli fit`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from lora_cli.analysis.fit.budget import read_budget
from lora_cli.analysis.fit.fit import (
    FIELDS,
    RANK,
    Fit,
    common_training,
    fit_methods,
    fit_subject,
    read_question,
    title_of,
)
from lora_cli.analysis.limits import BUDGETS, TRAINING_KNOBS, Limits
from lora_cli.cli.answer import Answer
from lora_cli.cli.candidates import list_of, method_names, one_of
from lora_cli.cli.count_reports import config_part, defaults_caption, people_settings, recipe_parts, training_part
from lora_cli.cli.fitted_config import write_config
from lora_cli.cli.help_text import METHOD, OUTPUT
from lora_cli.cli.options import adaptation, subject
from lora_cli.cli.options.adaptation import read_adaptation
from lora_cli.cli.options.limits import BudgetOptions
from lora_cli.cli.options.reading import read_list, size
from lora_cli.cli.options.training import TrainingOptions
from lora_cli.cli.presentation import Presentation
from lora_cli.errors import InvalidInput, argument
from lora_cli.output import Report
from lora_cli.output.report import Conditions

if TYPE_CHECKING:
    from lora_cli.output.plots.plot import Plot

# Its answers can be drawn.
PLOTS = True
# What people see of other targets, and under which names.
SHOWN = ("target", "knob", "size", "adapted_modules", "trainable_params", "headroom")
NAMED = {"target": "other_targets"}


def field_names() -> Iterable[str]:
    """Return the fields that its records can have."""
    from lora_cli.analysis.count import model_count, plain_lora

    return (*model_count.FIELDS, *plain_lora.FIELDS, *FIELDS)


def fit(
    presentation: Presentation,
    limits: BudgetOptions,
    training: TrainingOptions,
    d: subject.D = None,
    h: subject.H = None,
    source: subject.Source = None,
    model: subject.ModelSource = None,
    target: adaptation.Target = None,
    adapter: adaptation.Adapter = None,
    method: Annotated[
        str | None,
        typer.Option(
            "--method",
            metavar="NAMES",
            help="Methods to fit, e.g. lora,dora,loha.  [default: lora]",
            autocompletion=list_of(method_names),
            rich_help_panel=METHOD,
        ),
    ] = None,
    alpha: adaptation.Alpha = None,
    settings: adaptation.Set = None,
    adapter_dtype: adaptation.AdapterDtype = None,
    recipe: subject.Recipe = None,
    r: Annotated[
        str | None,
        typer.Option(
            "--rank",
            "-r",
            metavar="R",
            help="Rank of the adapter, where --knob searches for batch or seq.  [default: PEFT's, e.g. 8 for lora]",
            rich_help_panel=METHOD,
        ),
    ] = None,
    knob: Annotated[
        str | None,
        typer.Option(
            "--knob",
            metavar="NAME",
            help="What is searched for with --max-memory: r, or batch or seq at the rank of -r.  [default: r]",
            autocompletion=one_of((RANK, *TRAINING_KNOBS)),
            rich_help_panel=METHOD,
        ),
    ] = None,
    write: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            help="Write DIR/adapter_config.json for PEFT; an existing one is never replaced.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
) -> Answer:
    """Find the largest rank that stays inside a budget.

    \b
    Examples:
      lora-cli fit llama-3.1-8b --target all-linear --max-params 20M
      lora-cli fit llama-3.1-8b --method lora,dora,loha,vera --max-bytes 50MB
      lora-cli fit llama-3.1-8b --gpu 4090 --quantize nf4 --seq 1024
      lora-cli fit -d 4096 -h 4096 --max-params 200K

    LoRA trains r * (d + h) parameters, so r is budget / (d + h), rounded
    down. For models and other methods, a search finds the size. It is
    exact: the next larger size breaks a limit. A limit holds at equality.
    If there are several, all hold. The memory of a --gpu is a limit too. A method without a rank is fitted by the
    field that sets its size (its knob in `lora-cli methods`). The rank never
    exceeds min(d, h).
    """
    model = subject.model_of(source, model)
    names = [None] if method is None else read_list(method)
    if presentation.plot is not None and len(names) == 1:
        raise InvalidInput(
            f"{argument('plot')} compares methods; give {argument('method')} several, e.g. lora,dora,loha, or drop it"
        )
    _refuse_conflicts(model or recipe, adapter, write, len(names))
    if knob in TRAINING_KNOBS and knob in (presentation.field or "").split(","):
        raise InvalidInput(
            f"{argument('field')}: the {knob} that is found is the field size; give that instead of {knob}"
        )
    budget = read_budget(training.gpu, **limits.read())
    hows = [read_adaptation(name, r, alpha, target, settings, adapter, adapter_dtype) for name in names]
    asked = read_question(size("d", d), size("h", h), model, hows, budget, knob, training.read(), recipe)
    with presentation.counted("Trying sizes") as tick:
        if len(hows) > 1:
            return _listing(*fit_methods(*asked[:2], budget, knob, asked[2], tick), presentation, budget)
        return _single(fit_subject(asked[0], asked[1][0], budget, knob, asked[2], tick), presentation, write)


def _refuse_conflicts(model: str | None, adapter: str | None, write: str | None, methods: int) -> None:
    if write is not None and (model is None or methods > 1):
        fix = f"give {argument('model')} too" if model is None else f"give one method instead of {methods}"
        raise InvalidInput(
            f"{argument('write')} writes one adapter_config.json for a model; {fix}, or drop {argument('write')}"
        )
    if adapter is not None and methods > 1:
        raise InvalidInput(f"{argument('adapter')} is the config of one method; drop {argument('method')}")


def _single(largest: Fit, presentation: Presentation, write: str | None) -> Answer:
    """Return the answer of one method, with what other targets would get."""
    others = largest.alternatives()
    record = largest.record()
    made_of = config_part(largest.config_fields) | training_part(largest.training) if presentation.has_parts else {}
    report = Report(
        "fit",
        tuple(record),
        [[tuple(record.values())]],
        parts=recipe_parts(largest) | made_of | ({} if largest.model is None else {"alternatives": others}),
        details=[{NAMED.get(name, name): row[name] for name in SHOWN} for row in others],
        design="fit",
        title=lambda: largest.title,
        caption=lambda: defaults_caption(largest),
        settings=people_settings(largest.training, record),
        conditions=Conditions(settings=tuple(largest.training)),
    )
    notes = list(largest.notes)
    if write is not None:
        # Whatever else could be wrong with the command is known before there is a file.
        presentation.writer(report.command, report.fields)
        notes += write_config(largest, write, presentation.output)
    return Answer(report, presentation, largest.warnings, notes)


def _listing(fits: Sequence[Fit], missing: Sequence[str], presentation: Presentation, budget: Limits) -> Answer:
    """Return a row for each method that fits, and a warning for each that does not."""
    warnings = dict.fromkeys(warning for largest in fits for warning in largest.warnings)
    notes = dict.fromkeys(note for largest in fits for note in largest.notes)
    rows = [tuple(largest.values()) for largest in fits]
    training = common_training(fits)
    report = Report(
        "fit",
        tuple(fits[0]),
        [rows],
        len(rows),
        listing=True,
        parts=recipe_parts(fits[0]) | training_part(training),
        design="fit_methods",
        title=lambda: title_of(fits, budget),
        settings=people_settings(training, tuple(fits[0])),
        asked=[BUDGETS[name].field for name in budget],
        conditions=Conditions(settings=tuple(training)),
    )
    return Answer(
        report, presentation, [*warnings, *missing], list(notes), plot=_plot(report) if presentation.plot else None
    )


def _plot(report: Report) -> Plot:
    from lora_cli.output.plots.answers.fit_methods import plot

    return plot(report)
