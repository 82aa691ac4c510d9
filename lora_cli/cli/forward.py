"""`lora-cli forward`."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from lora_cli.analysis.forward import DTYPES, FIELDS, INITS, MAX_SEED
from lora_cli.analysis.forward import forward as run_forward
from lora_cli.cli import options
from lora_cli.cli.app import Answer
from lora_cli.models import MAX_DIMENSION
from lora_cli.output import Report
from lora_cli.quantities import parse_choice, parse_positive, parse_whole

# The pass itself uses every core; a BLAS with threads of its own would fight it for them.
BLAS_THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "OMP_NUM_THREADS")


def forward(
    d: options.D,
    h: options.H,
    r: options.R,
    alpha: Annotated[
        str | None, typer.Option(metavar="ALPHA", help="Scaling is alpha / r; without it, 1.", show_default=False)
    ] = None,
    batch: Annotated[str, typer.Option(metavar="N", help="Rows of the input.")] = "1",
    dtype: Annotated[str, typer.Option(metavar="NAME", help="float64, float32, float16 or bfloat16.")] = "float32",
    init: Annotated[str, typer.Option(metavar="NAME", help="B is random, or zero as PEFT starts.")] = "random",
    seed: Annotated[str, typer.Option(metavar="N", help="Where the random numbers start.")] = "0",
    format: options.Format = "auto",
    field: options.Field = None,
    output: options.Output = None,
    color: options.Color = "auto",
) -> Answer:
    """Run a sample forward pass, merged and factored.

    \b
    Random W (d x h), A (r x d), B (r x h) and input x; s = alpha / r.
    Compares x*W, the merged x*(W + s*AB) and the factored
    x*W + s*(x*A^T)*B: the outputs, what the paths cost in multiply-adds,
    and how far merged and factored differ in the chosen dtype.

    \b
    Examples:
      lora-cli forward -d 6 -h 8 -r 2
      lora-cli forward -d 4096 -h 14336 -r 16 --alpha 32 --dtype bfloat16
      lora-cli forward -d 512 -h 512 -r 8 --init zero --field max_abs_difference
    """
    show = options.Show(format, field, output, color)
    # Before the pass and not after it: an hour's work must not end in a misspelt option.
    show.writer("forward", FIELDS)
    os.environ.update(dict.fromkeys(BLAS_THREADS, "1"))
    result = run_forward(
        *options.read_sizes(d, h, r),
        alpha=options.read_given("--alpha", alpha, parse_positive),
        batch=options.read("--batch", batch, parse_whole, 1, MAX_DIMENSION),
        dtype=options.read("--dtype", dtype, parse_choice, *DTYPES),
        init=options.read("--init", init, parse_choice, *INITS),
        seed=options.read("--seed", seed, parse_whole, 0, MAX_SEED),
        track=show.tracked,
    )
    report = Report(
        "forward",
        FIELDS,
        [[tuple(result.record().values())]],
        parts={"shapes": result.run.shapes(), "samples": result.samples()},
    )
    return Answer(report, show, result.warnings())
