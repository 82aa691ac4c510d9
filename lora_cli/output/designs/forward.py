"""The design of a forward pass: the notebook's steps, from shapes to outputs, what each path costs and what is lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lora_cli.output.blocks import MATRICES, Block, Grid, Line, Title, facts
from lora_cli.output.columns import Column, column
from lora_cli.output.people import cell, heading, sizes, times
from lora_cli.output.report import Report
from lora_cli.quantities import Value, number_text

# What each matrix is, in the order of the steps.
STEPS = {
    "W": "the frozen weight",
    "A": "trained, down to the rank",
    "B": "trained, up from the rank",
    "AB": "Aᵀ·B, the update before scaling",
    "input": "x",
    "output": "x·W",
    "modified_output": "x·(W + s·AB)",
}
FORMULAS = {"plain": "x·W", "merged": "x·(W + s·AB)", "factored": "x·W + s·(x·Aᵀ)·B"}
FACTS = ("alpha", "scaling", "batch", "init", "seed", "output_norm", "modified_output_norm")


def design(report: Report) -> Iterator[Block]:
    """Yield the steps: shapes, the first values of each path, the costs, and what the type of the values loses."""
    record, parts = report.record(), report.parts
    module = record.get("module")
    yield Title(["LoRA forward pass", *([str(module)] if module else []), *sizes(record), str(record["dtype"])])
    yield _shapes(parts["shapes"])
    yield _outputs(parts["samples"])
    yield _paths(record)
    yield facts(record, FACTS)
    yield Line(_loss(record))
    if "percent_survived" in record:
        yield Line(_survival(record))


def _shapes(shapes: Mapping[str, Sequence[int]]) -> Grid:
    return Grid(
        [
            Column("", [heading(name) for name in shapes]),
            Column("shape", [times(shape) for shape in shapes.values()], is_number=True),
            Column("", [STEPS[name] for name in shapes], style="dim"),
        ],
        [name if name in MATRICES else "" for name in shapes],
    )


def _outputs(samples: Mapping[str, Sequence[float | None]]) -> Grid:
    """Return the first values of the outputs side by side, all with as many decimals."""
    merged, factored = samples["merged"], samples["factored"]
    shown = {"plain": samples["output"], "merged": merged, "factored": factored}
    texts = column("output", [value for values in shown.values() for value in values]).cells
    size = len(merged)
    outputs = [Column(name, texts[at * size : (at + 1) * size], is_number=True) for at, name in enumerate(shown)]
    differences = [
        None if one is None or other is None else one - other for one, other in zip(merged, factored, strict=True)
    ]
    numbers = Column("first values", [f"y{at + 1}" for at in range(size)])
    return Grid([numbers, *outputs, column("difference", differences)])


def _paths(record: Mapping[str, Value]) -> Grid:
    """Return the multiply-adds of each path, and how they compare with the plain one."""
    costs: list[Any] = [record[f"{path}_multiply_adds"] for path in FORMULAS]
    return Grid(
        [
            Column("path", list(FORMULAS)),
            Column("", list(FORMULAS.values()), style="dim"),
            column("multiply_adds", costs),
            Column("of plain", [f"{number_text(cost / costs[0], 3)}x" for cost in costs], is_number=True),
        ]
    )


def _loss(record: Mapping[str, Value]) -> str:
    """Return in words how far the merged and the factored output are apart."""
    most, relative, dtype = (record[field] for field in ("max_abs_difference", "relative_difference", "dtype"))
    if most is None:
        return f"Values left the range of {dtype}: the difference between merged and factored is unknown."
    if not most:
        return f"In {dtype}, merged and factored give the same output."
    share = "" if relative is None else f", {cell('relative_difference', relative)} of the output's norm"
    return f"In {dtype}, merged and factored differ by up to {cell('max_abs_difference', most)}{share}."


def _survival(record: Mapping[str, Value]) -> str:
    """Return in words what a merge keeps of a trained adapter's update."""
    survived, changed = (cell(field, record[field]) for field in ("percent_survived", "percent_changed"))
    return (
        f"Of the update's energy, {survived} survived the merge in {record['dtype']}; {changed} of W's values changed."
    )
