"""`lora-cli count`."""

from __future__ import annotations

from lora_cli.analysis.count import FIELDS
from lora_cli.analysis.count import count as count_matrix
from lora_cli.cli import options
from lora_cli.cli.app import Answer
from lora_cli.output import Report


def count(
    d: options.D,
    h: options.H,
    r: options.R,
    method: options.Method = "lora",
    format: options.Format = "auto",
    field: options.Field = None,
    output: options.Output = None,
    color: options.Color = "auto",
) -> Answer:
    """Count the parameters that an adapter trains.

    \b
    LoRA trains A (r x d) and B (r x h) instead of W (d x h), which is
    r * (d + h) parameters and not d * h. Above the break-even rank
    d * h / (d + h) it trains more than W holds.

    \b
    Examples:
      lora-cli count -d 1024 -h 1024 -r 32
      lora-cli count -d 4096 -h 14336 -r 16 --format json
      lora-cli count -d 6 -h 8 -r 2 --field trainable_params
    """
    cost = count_matrix(*options.read_sizes(d, h, r), method)
    tensors = [{"name": tensor.name, "shape": tensor.shape, "params": tensor.params} for tensor in cost.tensors]
    report = Report(
        "count",
        FIELDS,
        [[tuple(cost.record().values())]],
        parts={"tensors": tensors},
        picture=(cost.d, cost.h, cost.r),
    )
    return Answer(report, options.Show(format, field, output, color), warnings=cost.warnings())
