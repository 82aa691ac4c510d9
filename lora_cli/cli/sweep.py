"""`lora-cli sweep`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from lora_cli.analysis.count import FIELDS
from lora_cli.analysis.sweep import sweep as sweep_grid
from lora_cli.cli import options
from lora_cli.cli.app import Answer
from lora_cli.models import MAX_DIMENSION
from lora_cli.output import Report
from lora_cli.quantities import parse_axis


def sweep(
    d: options.D,
    r: options.R,
    h: Annotated[
        str | None, typer.Option("--out-features", "-h", metavar="H", help="Outputs of W, its h; or --square.")
    ] = None,
    square: Annotated[bool, typer.Option("--square", help="Tie h to d.")] = False,
    method: options.Method = "lora",
    format: options.Format = "auto",
    field: options.Field = None,
    output: options.Output = None,
    color: options.Color = "auto",
) -> Answer:
    """Count over a grid of d, h and r.

    \b
    An axis is a number, a list as 4,8,16, or a range with both ends
    included: start:stop:step or start:stop:xFACTOR. The last axis, r, runs
    fastest. csv, ndjson and json stream grids of any size.

    \b
    Examples:
      lora-cli sweep -d 512:8192:x2 --square -r 4,8,16,32 --format csv
      lora-cli sweep -d 4096 -h 1024,4096,14336 -r 8:64:8
    """
    grid = sweep_grid(
        _axis("-d/--in-features", d),
        None if h is None else _axis("-h/--out-features", h),
        _axis("-r/--rank", r),
        square=square,
        method=method,
    )
    report = Report("sweep", FIELDS, grid.batches(), grid.size, listing=True)
    return Answer(report, options.Show(format, field, output, color))


def _axis(option: str, text: str) -> Sequence[int]:
    return options.read(option, text, parse_axis, 1, MAX_DIMENSION)
