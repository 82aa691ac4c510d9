"""`lora-cli forward`."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Annotated

import typer

from lora_cli.analysis.forward.forward import FIELDS, TRAINED_FIELDS
from lora_cli.analysis.forward.forward import forward as forward_pass
from lora_cli.analysis.forward.run import INITS, MAX_SEED
from lora_cli.cli.answer import Answer
from lora_cli.cli.blas_threads import one_blas_thread
from lora_cli.cli.candidates import adapted_modules, one_of
from lora_cli.cli.help_text import METHOD, RUN, SUBJECT
from lora_cli.cli.options import subject
from lora_cli.cli.options.reading import read_given, size
from lora_cli.cli.presentation import INPUT, Presentation
from lora_cli.dtypes import VALUE_TYPES
from lora_cli.models import MAX_DIMENSION
from lora_cli.output import Report
from lora_cli.quantities import parse_positive, parse_whole, read


def field_names() -> Iterable[str]:
    """Return the fields that its records can have."""
    return (*FIELDS, *TRAINED_FIELDS)


def forward(
    presentation: Presentation,
    d: subject.D = None,
    h: subject.H = None,
    r: Annotated[
        str | None, typer.Option("--rank", "-r", metavar="R", help="Rank of A and B.", rich_help_panel=METHOD)
    ] = None,
    alpha: Annotated[
        str | None,
        typer.Option(
            "--alpha", metavar="ALPHA", help="The scaling is alpha / r; without it, 1.", rich_help_panel=METHOD
        ),
    ] = None,
    batch: Annotated[str, typer.Option(metavar="N", help="Number of rows of the input.", rich_help_panel=RUN)] = "1",
    dtype: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help=f"Precision: {', '.join(VALUE_TYPES)}.",
            autocompletion=one_of(VALUE_TYPES),
            rich_help_panel=RUN,
        ),
    ] = "float32",
    init: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Values of B: random, or zero, as PEFT starts.  [default: random]",
            autocompletion=one_of(INITS),
            rich_help_panel=RUN,
        ),
    ] = None,
    seed: Annotated[str, typer.Option(metavar="N", help="Random seed.", rich_help_panel=RUN)] = "0",
    weights: Annotated[
        str | None,
        typer.Option(
            metavar="FILE[:TENSOR]",
            help="W from a .safetensors file, an index or a folder, with --adapter and --module; "
            "TENSOR is the module's weight.",
            rich_help_panel=SUBJECT,
        ),
        INPUT,
    ] = None,
    adapter: Annotated[
        str | None,
        typer.Option(
            metavar="PATH",
            help="A and B from a trained adapter: its folder, or a Hub name.",
            rich_help_panel=METHOD,
        ),
        INPUT,
    ] = None,
    module: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Module of the adapter, or an ending that only its name has.",
            autocompletion=adapted_modules,
            rich_help_panel=SUBJECT,
        ),
    ] = None,
) -> Answer:
    """Run a sample forward pass, merged and factored.

    \b
    Examples:
      lora-cli forward -d 6 -h 8 -r 2
      lora-cli forward -d 4096 -h 14336 -r 16 --alpha 32 --dtype bfloat16
      lora-cli forward -d 512 -h 512 -r 8 --init zero --field max_abs_difference

    Draws random W (d x h), A (r x d), B (r x h) and input x; s = alpha / r.
    Compares x*W, the merged x*(W + s*AB) and the factored
    x*W + s*(x*A^T)*B: the outputs, what the paths cost in multiply-adds,
    and how far merged and factored differ in the chosen dtype.
    With --weights, --adapter and --module, W, A, B and s are those of a
    trained adapter, and percent_survived is the share of its update that
    is left after a merge in that dtype.
    """
    one_blas_thread()
    files = {"weights": weights, "adapter": adapter, "module": module}
    # Before the pass and not after it: an hour's work must not end in a misspelt option.
    presentation.writer("forward", FIELDS if all(path is None for path in files.values()) else TRAINED_FIELDS)
    passed = forward_pass(
        size("d", d),
        size("h", h),
        size("r", r),
        alpha=read_given("alpha", alpha, parse_positive),
        batch=read("batch", batch, parse_whole, 1, MAX_DIMENSION),
        dtype=dtype,
        init=init,
        seed=read("seed", seed, parse_whole, 0, MAX_SEED),
        **files,
        track=partial(presentation.tracked, "Multiplying"),
    )
    record = passed.record()
    parts = {"shapes": passed.shapes, "samples": passed.samples}
    report = Report("forward", tuple(record), [[tuple(record.values())]], parts=parts, design="forward")
    return Answer(report, presentation, passed.warnings, passed.notes)
