"""The design of a count: W beside the tensors that replace it, or what a model trains, module by module."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lora_cli.output.blocks import MATRICES, Block, Drawing, Grid, Line, Title, facts
from lora_cli.output.columns import Column, column
from lora_cli.output.people import sizes, times
from lora_cli.output.report import Report
from lora_cli.quantities import Value

# The facts below the table, and what a model has besides.
FACTS = ("percent_saved", "reduction_factor", "break_even_rank", "adapter_bytes")
MODEL_FACTS = ("full_params", "percent_of_full")


def design(report: Report) -> Iterator[Block]:
    """Yield the title, the table, the facts that follow from it, and the drawing or PEFT's line."""
    record = report.record()
    yield Title([*report.title(), *sizes(record)], report.caption())
    if "model" in record:
        yield _modules_grid(report.details, record)
        yield facts(record, (*MODEL_FACTS, *FACTS))
    else:
        if report.picture:
            yield Drawing(*report.picture)
        yield _tensors_grid(report.parts.get("tensors", ()), record)
        yield facts(record, (*FACTS, "all_params", "trainable_percent"))
    if report.closing:
        yield Line(report.closing)


def _tensors_grid(tensors: Sequence[Mapping[str, Any]], record: Mapping[str, Value]) -> Grid:
    """Return W, each tensor of the adapter, and what is trained, with their share of W."""
    names = ["W", *(str(tensor["name"]) for tensor in tensors)]
    shapes: list[Sequence[Any]] = [(record["d"], record["h"]), *(tensor["shape"] for tensor in tensors)]
    params: list[Any] = [record["full_params"], *(tensor["params"] for tensor in tensors), record["trainable_params"]]
    is_sum = sum(params[1:-1]) == params[-1] and len(tensors) < len(MATRICES)
    rows = [*names, " + ".join(names[1:]) if is_sum else "trained"]
    return Grid(
        [
            Column("", rows),
            Column("shape", [*map(times, shapes), ""], is_number=True),
            column("params", params, "parameters"),
            column("percent_of_full", [100 * size / params[0] for size in params], "share of W"),
        ],
        [*(name if name in MATRICES else "" for name in names), "strong"],
        has_total=True,
    )


def _modules_grid(rows: Sequence[Mapping[str, Value]], record: Mapping[str, Value]) -> Grid:
    """Return a row for each module by its name and shape, their sum, and a bar of each one's share."""
    total = {"module": "total", "trainable_params": record["trainable_params"], "share": 1.0}
    columns = {field: [row[field] for row in rows] for field in rows[0]} if rows else {}
    # The sum of one row is that row.
    has_total = len(rows) > 1
    shown = {field: [*values, total.get(field, "")] if has_total else values for field, values in columns.items()}
    grid = [column(field, values)._replace(is_copied=field == "module") for field, values in shown.items()]
    bars = [repr(share) for share in columns.get("share", ())]
    grid.append(Column("", [*bars, *[""] * has_total], is_bar=True))
    styles = [*[""] * len(rows), *["strong"] * has_total]
    return Grid(grid, styles, has_total, expendable=("d", "h", "r", "count"))
