"""`lora-cli sweep`."""

from __future__ import annotations

from typing import Annotated

import typer

from lora_cli.analysis.sweep.sweep import sweep as sweep_grid
from lora_cli.cli.answer import Answer
from lora_cli.cli.options import adaptation, subject
from lora_cli.cli.options.adaptation import read_axis, read_methods, read_settings
from lora_cli.cli.options.limits import BudgetOptions
from lora_cli.cli.options.reading import size
from lora_cli.cli.presentation import INPUT, Presentation
from lora_cli.output import Report
from lora_cli.output.format import READABLE_ROWS


def sweep(
    presentation: Presentation,
    limits: BudgetOptions,
    r: adaptation.R = None,
    d: subject.D = None,
    h: Annotated[
        str | None,
        typer.Option("--out-features", "-h", metavar="H", help="Number of outputs of W; --square replaces it."),
    ] = None,
    square: Annotated[bool, typer.Option("--square", help="Give W as many outputs as inputs.")] = False,
    sources: subject.Sources = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model", "-m", metavar="SOURCE", help="A model instead of -d and -h, as SOURCE; may be repeated."
        ),
        INPUT,
    ] = None,
    target: Annotated[
        list[str] | None, typer.Option("--target", "-t", metavar="NAMES", help="Modules to adapt; may be repeated.")
    ] = None,
    method: Annotated[str, typer.Option(metavar="NAMES", help="Methods to compare, e.g. lora,dora,vera.")] = "lora",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="A field of the methods that have it; may be repeated."),
    ] = None,
    sort: Annotated[
        str | None, typer.Option(metavar="[-]FIELD", help="Sort the rows by this field; - puts the largest first.")
    ] = None,
    limit: Annotated[str | None, typer.Option(metavar="N", help="Show only the first N rows.")] = None,
) -> Answer:
    """Count over a grid of d, h and r, or of models.

    \b
    An axis is a number, a list (4,8,16) or a range with both ends
    included: start:stop:step or start:stop:xFACTOR. The last axis, r, runs
    fastest. csv, ndjson and json stream grids of any size.

    \b
    Examples:
      lora-cli sweep -d 512:8192:x2 --square -r 4,8,16,32 --format csv
      lora-cli sweep -d 4096 -h 1024,4096,14336 -r 8:64:8
      lora-cli sweep gpt2 -r 1:64 --method lora,dora,vera --max-percent 1 --sort -trainable_params --limit 10
      lora-cli sweep llama-3.2-1b qwen3-0.6b -r 8,16 --target q_proj,v_proj --target all-linear
    """
    grid = sweep_grid(
        read_axis("d", d),
        read_axis("h", h),
        read_axis("r", r),
        square=square,
        method=read_methods(method),
        settings=read_settings(settings),
        model=[*(sources or ()), *(model or ())] or None,
        target=target or None,
        **limits.read(),
        sort=sort,
        limit=size("limit", limit),
    )
    batches = grid.batches()
    if presentation.has_parts and grid.size <= READABLE_ROWS:
        # A point that is refused must not leave half a document.
        batches = list(batches)
    report = Report("sweep", grid.fields, batches, grid.size, listing=True)
    return Answer(report, presentation, grid.warnings, grid.notes)
