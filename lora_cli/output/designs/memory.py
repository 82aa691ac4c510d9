"""The design of a training's memory: the peak by its parts, to scale with the card, the verdict, and what would help."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from lora_cli.output.blocks import Block, Facts, Grid, Line, Title, facts
from lora_cli.output.columns import Column
from lora_cli.output.memory_parts import PARTS, apportioned
from lora_cli.output.people import cell, setting_words, sheet_cell
from lora_cli.output.report import Report
from lora_cli.quantities import Value, memory_text

FREE = "·"
BAR = 72
MOST_ADVICE = 3
VERDICTS = {"yes": "good", "no": "bad", "uncertain": "warn"}
FACTS = ("max_batch", "max_seq", "flops_per_token", "train_seconds")


def design(report: Report) -> Iterator[Block]:
    """Yield the title, the bar and its parts, the verdict, and the switches that would save the most."""
    record = report.record()
    yield Title(report.title(), setting_words(report.settings))
    whole = max(_number(record["gpu_bytes"]), _number(record["peak_bytes"]))
    yield Line(_bar(record, whole))
    yield _parts(record)
    yield Line(f"The peak is in the {record['peak_phase']}.")
    yield _totals(record, report.caption())
    if record["fits"] is not None:
        yield Line(_verdict(record), VERDICTS[str(record["fits"])])
    yield facts(record, [field for field in FACTS if record.get(field) is not None])
    if report.details:
        yield Line("What one switch would save:")
        yield Grid(_advice(report.details[:MOST_ADVICE]))


def _bar(record: Mapping[str, Value], whole: int) -> str:
    """Return the parts to scale with the card, or with the peak where it is larger or there is no card.

    >>> record = dict.fromkeys(PARTS, 0) | {"weights_bytes": 48, "loss_bytes": 12}
    >>> len(_bar(record, 72)), _bar(record, 72).count("█"), _bar(record, 72).count("·")
    (72, 48, 12)
    """
    sizes = [_number(record[field]) for field in PARTS]
    cells = apportioned(sizes, round(BAR * sum(sizes) / whole))
    drawn = "".join(mark * count for (_, mark), count in zip(PARTS.values(), cells, strict=True))
    return drawn.ljust(BAR, FREE)


def _parts(record: Mapping[str, Value]) -> Grid:
    """Return a row for each part that is there at the peak, and their sum; on a card that is too small they are over 100 %."""
    rows = [(mark, name, _number(record[field])) for field, (name, mark) in PARTS.items() if record[field]]
    rows.append(("", "peak", _number(record["peak_bytes"])))
    of = "of the card" if record["gpu_bytes"] else "share"
    whole = _number(record["gpu_bytes"] or record["peak_bytes"])
    return Grid(
        [
            Column("", [mark for mark, _, _ in rows]),
            Column("at the peak", [name for _, name, _ in rows]),
            Column("bytes", [f"{size:,}" for _, _, size in rows], is_number=True),
            Column("", [memory_text(size) for _, _, size in rows], is_number=True),
            Column(of, [f"{100 * size / whole:.1f} %" for _, _, size in rows], is_number=True),
        ],
        [*[""] * (len(rows) - 1), "strong"],
        has_total=True,
    )


def _totals(record: Mapping[str, Value], process: Sequence[str]) -> Facts:
    """Return what is reserved, the band of the process, or in words what to allow for it, and the card."""
    names = {
        "reserved_bytes": "reserved by the allocator",
        "low_bytes": "process, at least",
        "high_bytes": "process, at most",
        "gpu_bytes": f"memory of {record['gpu'] or 'the card'}",
    }
    shown = {field: (name, sheet_cell(field, record[field])) for field, name in names.items() if record[field]}
    card = [shown.pop("gpu_bytes")] if "gpu_bytes" in shown else []
    return Facts([*shown.values(), *(("whole process", words) for words in process), *card])


def _verdict(record: Mapping[str, Value]) -> str:
    words = {
        "yes": "It fits.",
        "no": "It does not fit.",
        "uncertain": "It may not fit: the card has room for the step's tensors, and may lack it for all else.",
    }
    fits = str(record["fits"])
    if fits == "uncertain" and _number(record["peak_bytes"]) > _number(record["gpu_bytes"]):
        return "It may not fit: the card lacks room for what is replayed, of which the training may take less."
    return words[fits]


def _advice(advice: Sequence[Mapping[str, Value]]) -> list[Column]:
    return [
        Column("switch", [str(each["switch"]) for each in advice]),
        Column("saves", [memory_text(_number(each["saved_bytes"])) for each in advice], is_number=True),
        Column("peak", [cell("peak_bytes", each["peak_bytes"]) for each in advice], is_number=True),
    ]


def _number(value: Value) -> int:
    return value if isinstance(value, int) else 0
