"""`lora-cli count`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast

import typer

from lora_cli.analysis.count.matrix_count import MatrixCount
from lora_cli.cli import reports
from lora_cli.cli.application import Answer
from lora_cli.cli.options import shared as options
from lora_cli.cli.options import subject
from lora_cli.errors import InvalidInput

if TYPE_CHECKING:
    from lora_cli.analysis.count.adapted_matrix import AdaptedMatrix


def count(
    d: subject.D = None,
    h: subject.H = None,
    r: subject.R = None,
    model: subject.ModelSource = None,
    target: subject.Target = None,
    adapter: subject.Adapter = None,
    method: subject.Method = None,
    alpha: subject.Alpha = None,
    settings: subject.Set = None,
    adapter_dtype: subject.AdapterDtype = None,
    per_module: Annotated[bool, typer.Option("--per-module", help="List the adapted modules of a model.")] = False,
    format: options.Format = "auto",
    field: options.Field = None,
    output: options.Output = None,
    color: options.Color = "auto",
) -> Answer:
    """Count the parameters that an adapter trains.

    \b
    LoRA trains A (r x d) and B (r x h) instead of W (d x h), which is
    r * (d + h) parameters and not d * h. Above the break-even rank
    d * h / (d + h) it trains more than W holds. For a model the figures are
    those of PEFT's get_nb_trainable_parameters().

    \b
    Examples:
      lora-cli count -d 1024 -h 1024 -r 32
      lora-cli count -d 4096 -h 14336 -r 16 --format json
      lora-cli count -d 6 -h 8 -r 2 --field trainable_params
      lora-cli count --model llama-3.1-8b --target all-linear -r 16
    """
    show = options.Show(format, field, output, color)
    cost, warnings, notes = subject.cost(
        d, h, model, subject.How(method, r, alpha, settings or (), target, adapter, adapter_dtype)
    )
    if model is None and per_module:
        raise InvalidInput("--per-module lists the modules of a model; give --model, or leave it out")
    if model is None or isinstance(cost, MatrixCount):
        report = reports.matrix(cast("MatrixCount | AdaptedMatrix", cost))
    else:
        report = reports.modules(cost) if per_module and format != "json" else reports.model(cost, per_module)
    return Answer(report, show, warnings, notes)
