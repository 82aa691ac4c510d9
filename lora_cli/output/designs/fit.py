"""The design of a fit: the largest size inside the budget beside the next one, and what other targets would get."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from lora_cli.output.blocks import Block, Grid, Line, Title, facts
from lora_cli.output.columns import Column, column, left
from lora_cli.output.people import amount, cell, setting_words, sizes
from lora_cli.output.report import Report
from lora_cli.quantities import Value

FACTS = (
    "full_params",
    "trainable_params",
    "percent_of_full",
    "percent_saved",
    "reduction_factor",
    "break_even_rank",
    "adapter_bytes",
)


def design(report: Report) -> Iterator[Block]:
    """Yield the answer in a sentence, the size and the next one against the budget, the facts, and other targets."""
    record = report.record()
    limit, knob, size = record["limit"], record["knob"], record["size"]
    budget = amount(limit, record["budget"])
    yield Title(
        [*report.title(), *sizes({**record, "r": None}), f"{limit} {budget}"],
        [*setting_words(report.settings), *report.caption()],
    )
    if size is None:
        yield Line(
            f"This configuration is inside the budget; {limit} leaves {amount(limit, record['headroom'])}.", "strong"
        )
    else:
        yield Line(f"{knob} {cell('size', size)} is the largest inside the budget.", "strong")
        yield _sizes(record)
    yield facts(record, FACTS)
    if report.details:
        yield _other_targets(limit, report.details)


def _other_targets(limit: Value, rows: Sequence[Mapping[str, Value]]) -> Grid:
    """Return the largest size on each of some other targets; the names of these stay whole where there is room."""
    sizes = [cell("size", row["size"]) for row in rows]
    sizes = [size if row["size"] is None else f"{row['knob']} {size}" for row, size in zip(rows, sizes, strict=True)]
    columns = {field: column(field, [row[field] for row in rows]) for field in rows[0] if field not in ("knob", "size")}
    columns["headroom"] = left((limit, row["headroom"]) for row in rows)
    first, *others = columns.values()
    grid = [first, Column("largest", sizes, style="strong"), *others]
    return Grid([each.upright() for each in grid], expendable=("adapted_modules", "headroom"))


def _sizes(record: Mapping[str, Value]) -> Grid:
    """Return the size and the next one: what each takes of the budget, and what is left or over."""
    limit, budget, headroom = record["limit"], _number(record["budget"]), _number(record["headroom"])
    rows = [(record["size"], budget - headroom, f"{amount(limit, headroom)} left")]
    if record["next_size"] is not None:
        over = _number(record["overshoot"])
        rows.append((record["next_size"], budget + over, f"{amount(limit, over)} over"))
    tried, used, rest = zip(*rows, strict=True)
    columns = [
        column("size", tried, str(record["knob"])),
        column(str(limit).removeprefix("max-"), used),
        Column("", rest, is_number=True),
    ]
    if budget:
        shares = [amount / budget for amount in used]
        columns.append(Column("of the budget", [f"{100 * share:,.2f} %" for share in shares], True))
        columns.append(Column("", [repr(share) for share in shares], is_bar=True))
    return Grid(columns, ["good", "dim"][: len(rows)])


def _number(value: Value) -> int | float:
    return value if isinstance(value, int | float) else 0
