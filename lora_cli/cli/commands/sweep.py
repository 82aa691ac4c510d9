"""`lora-cli sweep`."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lora_cli.analysis.count.plain_lora import FIELDS as MATRIX_FIELDS
from lora_cli.analysis.limits import BUDGETS
from lora_cli.analysis.sweep.sweep import sweep as sweep_grid
from lora_cli.cli.answer import Answer
from lora_cli.cli.candidates import (
    list_of,
    method_names,
    model_sources,
    setting_fields,
    sort_keys,
    target_names,
)
from lora_cli.cli.count_reports import people_settings, training_part
from lora_cli.cli.help_text import METHOD, OUTPUT, SUBJECT, TRAINING
from lora_cli.cli.options import adaptation, subject
from lora_cli.cli.options.adaptation import read_settings
from lora_cli.cli.options.limits import CountBudgetOptions
from lora_cli.cli.options.reading import whole
from lora_cli.cli.options.training import TrainingOptions
from lora_cli.cli.presentation import INPUT, Presentation
from lora_cli.errors import argument
from lora_cli.output import Report
from lora_cli.output.format import READABLE_ROWS
from lora_cli.output.report import Conditions

if TYPE_CHECKING:
    from lora_cli.output.plots.plot import Plot

# Its answers can be drawn.
PLOTS = True


def field_names() -> Iterable[str]:
    """Return the fields that its records can have."""
    from lora_cli.analysis.memory.arguments import TRAINED_FIELDS
    from lora_cli.analysis.sweep import model_grid

    return (*model_grid.FIELDS, *MATRIX_FIELDS, *TRAINED_FIELDS)


def sweep(
    presentation: Presentation,
    limits: CountBudgetOptions,
    training: TrainingOptions,
    r: adaptation.R = None,
    d: subject.D = None,
    h: Annotated[
        str | None,
        typer.Option(
            "--out-features",
            "-h",
            metavar="H",
            help="Number of outputs of W; --square replaces it.",
            rich_help_panel=SUBJECT,
        ),
    ] = None,
    square: Annotated[
        bool, typer.Option("--square", help="Give W as many outputs as inputs.", rich_help_panel=SUBJECT)
    ] = False,
    sources: subject.Sources = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            "-m",
            metavar="SOURCE",
            help=f"A model instead of -d and -h: {subject.A_MODEL}; may be repeated.",
            autocompletion=model_sources,
            rich_help_panel=SUBJECT,
        ),
        INPUT,
    ] = None,
    target: Annotated[
        list[str] | None,
        typer.Option(
            "--target",
            "-t",
            metavar="NAMES",
            help="Modules to adapt; may be repeated.",
            autocompletion=target_names,
            rich_help_panel=METHOD,
        ),
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Methods to compare, e.g. lora,dora,vera.  [default: lora]",
            autocompletion=list_of(method_names),
            rich_help_panel=METHOD,
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="FIELD=VALUE",
            help="A field of the methods that have it, e.g. bias=all; may be repeated.",
            autocompletion=setting_fields,
            rich_help_panel=METHOD,
        ),
    ] = None,
    recipe: subject.Recipe = None,
    sort: Annotated[
        str | None,
        typer.Option(
            metavar="[-]FIELD",
            help="Sort the rows by this field; - puts the largest first.",
            autocompletion=sort_keys(field_names),
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    memory: Annotated[
        bool,
        typer.Option(
            "--memory",
            help="Add the GPU memory of training each model; --batch, --seq, --quantize and --gpu take lists then.",
            rich_help_panel=TRAINING,
        ),
    ] = False,
    limit: Annotated[
        str | None, typer.Option(metavar="N", help="Show only the first N rows.", rich_help_panel=OUTPUT)
    ] = None,
) -> Answer:
    """Count over a grid of d, h and r, or of models.

    \b
    Examples:
      lora-cli sweep gpt2 qwen3-0.6b -r 8 --method lora,dora,vera
      lora-cli sweep llama-3.2-1b -r 8,16 -t q_proj,v_proj -t all-linear
      lora-cli sweep llama-3.1-8b -r 16 --memory --batch 1,2,4 --seq 1024,2048
      lora-cli sweep gpt2 -r 1:64 --max-params 1M --sort -r --limit 10
      lora-cli sweep -d 512:8192:x2 --square -r 4,8,16,32 --format csv
      lora-cli sweep -d 4096 -h 1024,4096,14336 -r 8:64:8
      lora-cli sweep gpt2 qwen3-0.6b -r 4:64:x2 --plot ranks.svg

    An axis is a number, a list (4,8,16) or a range with both ends
    included: start:stop:step or start:stop:xFACTOR. The last axis, r, runs
    fastest. csv, ndjson and json stream grids of any size. With
    --memory a point takes about half a second, with --gpu some seconds.
    """
    wanted: dict[str, Any] = {**limits.read(), **training.axes()}
    grid = sweep_grid(
        d,
        h,
        r,
        square=square,
        method=method,
        settings=read_settings(settings, method),
        model=[*(sources or ()), *(model or ())] or None,
        target=target or None,
        sort=sort,
        limit=whole("limit", limit),
        memory=memory,
        recipe=recipe,
        track=partial(presentation.tracked_rows, "Replaying" if memory else "Counting"),
        **wanted,
    )
    batches = grid.batches()
    if (presentation.has_parts or presentation.plot is not None) and grid.size <= READABLE_ROWS:
        # A point that is refused must not leave half a document, and a plot reads the points, too.
        batches = list(batches)
    conditions = _conditions(is_trained=memory, has_card=training.gpu is not None)
    asked = [] if sort is None else [sort.removeprefix("-")]
    report = Report(
        "sweep",
        grid.fields,
        batches,
        grid.size,
        listing=True,
        parts=training_part(grid.training) | ({"assumptions": grid.assumptions} if grid.assumptions else {}),
        design="sweep",
        title=lambda: grid.title,
        settings=people_settings(grid.training, grid.fields),
        asked=[*asked, *(BUDGETS[name].field for name, limit in limits.items() if limit is not None)],
        conditions=conditions,
    )
    notes = [*grid.notes, *([] if grid.size else ["no point of the grid is inside the limits"])]
    warnings = [*presentation.without_value(conditions), *grid.warnings]
    return Answer(report, presentation, warnings, notes, plot=_plot(report) if presentation.plot else None)


def _conditions(*, is_trained: bool, has_card: bool) -> Conditions:
    """Return which fields only a training has, and which of these are known only on a card."""
    from lora_cli.analysis.memory.arguments import TRAINED_FIELDS, TrainingArguments
    from lora_cli.output.people import OF_CARD

    if not is_trained:
        return Conditions(dict.fromkeys(TRAINED_FIELDS, argument("memory")))
    return Conditions(
        unknown={} if has_card else dict.fromkeys(OF_CARD, argument("gpu")), settings=TrainingArguments._fields
    )


def _plot(report: Report) -> Plot:
    from lora_cli.output.plots.answers.sweep import plot

    return plot(report)
