"""`lora-cli forward`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, TypedDict

import typer

from lora_cli.analysis.forward.random_pass import DTYPES, FIELDS, INITS, MAX_SEED
from lora_cli.analysis.forward.random_pass import forward as run_forward
from lora_cli.cli.application import Answer
from lora_cli.cli.blas_threads import one_blas_thread
from lora_cli.cli.options import shared as options
from lora_cli.cli.options import subject
from lora_cli.errors import InvalidInput
from lora_cli.models import MAX_DIMENSION
from lora_cli.output import Report
from lora_cli.quantities import parse_choice, parse_positive, parse_whole

if TYPE_CHECKING:
    from lora_cli.analysis.count.matrix_count import Record
    from lora_cli.analysis.forward.random_pass import Forward


FILES = ("--weights", "--adapter", "--module")


def forward(
    d: subject.D = None,
    h: subject.H = None,
    r: subject.R = None,
    alpha: Annotated[
        str | None, typer.Option(metavar="ALPHA", help="Scaling is alpha / r; without it, 1.", show_default=False)
    ] = None,
    batch: Annotated[str, typer.Option(metavar="N", help="Rows of the input.")] = "1",
    dtype: Annotated[str, typer.Option(metavar="NAME", help="float64, float32, float16 or bfloat16.")] = "float32",
    init: Annotated[
        str | None, typer.Option(metavar="NAME", help="B is random, or zero as PEFT starts.  [default: random]")
    ] = None,
    seed: Annotated[str, typer.Option(metavar="N", help="Where the random numbers start.")] = "0",
    weights: Annotated[
        str | None,
        typer.Option(
            metavar="FILE[:TENSOR]",
            help="W from a .safetensors file, an index or a folder, with --adapter and --module; "
            "TENSOR is the module's weight.",
        ),
    ] = None,
    adapter: Annotated[
        str | None, typer.Option(metavar="PATH", help="A and B from the folder of a trained adapter.")
    ] = None,
    module: Annotated[
        str | None, typer.Option(metavar="NAME", help="The adapter's module, or an ending that no other has.")
    ] = None,
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
    With --weights, --adapter and --module, W, A, B and s are those of a
    trained adapter, and percent_survived is the share of its update that
    is left of it once merged in that dtype.

    \b
    Examples:
      lora-cli forward -d 6 -h 8 -r 2
      lora-cli forward -d 4096 -h 14336 -r 16 --alpha 32 --dtype bfloat16
      lora-cli forward -d 512 -h 512 -r 8 --init zero --field max_abs_difference
    """
    show = options.Show(format, field, output, color)
    stored = dict(zip(FILES, (weights, adapter, module), strict=True))
    one_blas_thread()
    if set(stored.values()) != {None}:
        drawn = dict(zip((*options.SIZES, "--alpha", "--init"), (d, h, r, alpha, init), strict=True))
        return _merged(stored, drawn, show, (batch, dtype, seed))
    # Before the pass and not after it: an hour's work must not end in a misspelt option.
    show.writer("forward", FIELDS)
    sizes = [_required(option, text) for option, text in zip(options.SIZES, (d, h, r), strict=True)]
    result = run_forward(
        *options.read_sizes(*sizes),
        alpha=options.read_given("--alpha", alpha, parse_positive),
        **_read(batch, dtype, seed),
        init=options.read("--init", "random" if init is None else init, parse_choice, *INITS),
        track=show.tracked,
    )
    return Answer(_report(FIELDS, result.record(), result), show, result.warnings())


class Common(TypedDict):
    """What both passes take."""

    batch: int
    dtype: str
    seed: int


def _read(batch: str, dtype: str, seed: str) -> Common:
    return {
        "batch": options.read("--batch", batch, parse_whole, 1, MAX_DIMENSION),
        "dtype": options.read("--dtype", dtype, parse_choice, *DTYPES),
        "seed": options.read("--seed", seed, parse_whole, 0, MAX_SEED),
    }


def _required(option: str, text: str | None) -> str:
    if text is None:
        raise InvalidInput(
            f"{option} is missing; a random pass takes {', '.join(options.SIZES)}, a trained adapter {', '.join(FILES)}"
        )
    return text


def _merged(
    stored: Mapping[str, str | None], drawn: Mapping[str, str | None], show: options.Show, common: tuple[str, str, str]
) -> Answer:
    """Run the pass through a trained adapter."""
    from lora_cli.analysis.forward.merge import MERGE_FIELDS, merge

    for option, text in drawn.items():
        if text is not None:
            raise InvalidInput(f"{option}: --weights and --adapter say what it would; leave one of them out")
    for option, text in stored.items():
        if text is None:
            raise InvalidInput(f"{option} is missing; a trained adapter takes {', '.join(stored)} together")
    show.writer("forward", MERGE_FIELDS)
    result = merge(*map(str, stored.values()), **_read(*common), track=show.tracked)
    return Answer(_report(MERGE_FIELDS, result.record(), result.forward), show, result.warnings())


def _report(fields: Sequence[str], record: Record, result: Forward) -> Report:
    parts = {"shapes": result.run.shapes(), "samples": result.samples()}
    return Report("forward", fields, [[tuple(record.values())]], parts=parts)
