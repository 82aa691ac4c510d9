"""`lora-cli sweep`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Annotated

import typer

from lora_cli.analysis.count.matrix_count import FIELDS
from lora_cli.analysis.sweep.matrix_grid import sweep as sweep_grid
from lora_cli.cli.application import Answer
from lora_cli.cli.options import shared as options
from lora_cli.cli.options import subject
from lora_cli.errors import InvalidInput, quote
from lora_cli.methods import check_name, method_named
from lora_cli.models import MAX_DIMENSION
from lora_cli.output import Report
from lora_cli.quantities import parse_axis


def sweep(
    r: subject.R = None,
    d: subject.D = None,
    h: Annotated[
        str | None, typer.Option("--out-features", "-h", metavar="H", help="Outputs of W, its h; or --square.")
    ] = None,
    square: Annotated[bool, typer.Option("--square", help="Tie h to d.")] = False,
    model: Annotated[
        list[str] | None,
        typer.Option("--model", metavar="SOURCE", help="A model instead of -d and -h; may be repeated."),
    ] = None,
    target: Annotated[
        list[str] | None, typer.Option("--target", metavar="NAMES", help="Modules to adapt; may be repeated.")
    ] = None,
    method: Annotated[str, typer.Option(metavar="NAMES", help="Methods to compare, as lora,dora,vera.")] = "lora",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="A field of the methods that have it; may be repeated."),
    ] = None,
    format: options.Format = "auto",
    field: options.Field = None,
    output: options.Output = None,
    color: options.Color = "auto",
) -> Answer:
    """Count over a grid of d, h and r, or of models.

    \b
    An axis is a number, a list as 4,8,16, or a range with both ends
    included: start:stop:step or start:stop:xFACTOR. The last axis, r, runs
    fastest. csv, ndjson and json stream grids of any size.

    \b
    Examples:
      lora-cli sweep -d 512:8192:x2 --square -r 4,8,16,32 --format csv
      lora-cli sweep -d 4096 -h 1024,4096,14336 -r 8:64:8
      lora-cli sweep --model llama-3.2-1b --model qwen3-0.6b -r 8,16 --target q_proj,v_proj --target all-linear
    """
    show = options.Show(format, field, output, color)
    methods = [check_name(name) for name in method.split(",")]
    ranks = _ranks(r, methods)
    hows = [subject.How(name, sets=_settings(settings)) for name in methods]
    if settings:
        hows = subject.shared_settings(hows, of_model=bool(model))
    if model:
        if d is not None or h is not None or square:
            raise InvalidInput("-d, -h and --square are one matrix's, --model is a model; leave one of them out")
        report, warnings = _models(model, target or [], hows, ranks)
        return Answer(report, show, warnings)
    if target:
        raise InvalidInput("--target names modules of a model; give --model too")
    d_axis = _axis("-d/--in-features", subject.required("-d/--in-features", d))
    h_axis = None if h is None else _axis("-h/--out-features", h)
    grids = [
        sweep_grid(
            d_axis, h_axis, ranks, square=square, method=name, settings=dict(map(subject.parse_setting, how.sets))
        )
        for name, how in zip(methods, hows, strict=True)
    ]
    # One grid is handed on as it is: it knows how to work on its batches side by side.
    batches = grids[0].batches() if len(grids) == 1 else chain.from_iterable(grid.batches() for grid in grids)
    return Answer(Report("sweep", FIELDS, batches, sum(grid.size for grid in grids), listing=True), show)


def _models(
    sources: Sequence[str], targets: Sequence[str], hows: Sequence[subject.How], ranks: Sequence[int]
) -> tuple[Report, list[str]]:
    from lora_cli.analysis.sweep.model_grid import FIELDS as MODEL_FIELDS
    from lora_cli.analysis.sweep.model_grid import ModelSweep
    from lora_cli.models.sources.read_model import read_model

    sets = [
        (text or "default", subject.adapter_config(how._replace(target=text))[0])
        for text in (targets or (None,))
        for how in hows
    ]
    grid = ModelSweep([read_model(source) for source in sources], sets, ranks)
    batches = ([tuple(record.values())] for record in grid.records())
    return Report("sweep", MODEL_FIELDS, batches, grid.size, listing=True), grid.warnings()


def _settings(texts: Sequence[str] | None) -> Sequence[str]:
    """Return the settings, of which the rank is an axis of its own."""
    for text in texts or ():
        if subject.parse_setting(text)[0] == "r":
            raise InvalidInput(f"--set: {quote(text)} is the axis r of a sweep; give -r")
    return texts or ()


def _ranks(r: str | None, methods: Sequence[str]) -> Sequence[int]:
    """Return the axis r, which methods without a rank do without."""
    if r is None and all(method_named(name).rank is None for name in methods):
        return range(1, 2)
    return _axis("-r/--rank", subject.required("-r/--rank", r))


def _axis(option: str, text: str) -> Sequence[int]:
    return options.read(option, text, parse_axis, 1, MAX_DIMENSION)
