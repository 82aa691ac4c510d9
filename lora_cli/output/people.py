"""Values for people: rounded, scaled and in words. The name of a field says how to write its values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lora_cli.errors import printable
from lora_cli.output.report import Report
from lora_cli.quantities import Value, bytes_text, count_text, memory_text, number_text, percent_text

# Fields that a record may not have: an empty one is "none", not "unknown".
OPTIONAL = (
    "r",
    "percent_of_full",
    "alpha",
    "knob",
    "arxiv",
    "base_model",
    "size",
    "next_size",
    "overshoot",
    "default_targets",
    "target",
)

PERCENT = " %"
# Shares are compared with each other, so two decimals are enough. What is there is not shown as nothing.
LEAST_SHARE = 0.01
# Sizes of files, `saved_bytes` as the figure of a spectrum; all others are of memory.
FILES = ("adapter_bytes", "expected_bytes", "saved_bytes", "bytes")
# From as many seconds on.
TIME_UNITS = (("days", 86_400), ("h", 3600), ("min", 60))
# What a training has only on a card, and a length only where it can be chosen: a sheet leaves out what there is not.
OF_CARD = ("low_bytes", "high_bytes", "gpu", "gpu_bytes", "fits", "max_batch", "max_seq")
# Fields that name the subject of a row.
SUBJECTS = ("method", "model", "adapter")
# Fields that a sheet shows in bold.
HIGHLIGHTS = ("trainable_params", "percent_saved")


def heading(field: str) -> str:
    """Return the name of a field in words."""
    return field.replace("_", " ")


def cell(field: str, value: Value) -> str:
    """Return the text of a field's value.

    >>> cell("trainable_params", 65536), cell("percent_saved", 93.75), cell("reduction_factor", 16.0)
    ('65,536', '93.75 %', '16x')
    >>> cell("adapter_bytes", 262384), cell("passed", True), cell("passed", None), cell("output_norm", None)
    ('262,384', 'yes', 'not checked', 'unknown')
    """
    if value is None:
        if field == "passed":
            return "not checked"
        return "none" if field in OPTIONAL else "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return printable(value)
    if field == "seed":
        return str(value)
    number, unit = scaled(field, value)
    if field == "share":
        return f"<{LEAST_SHARE} %" if 0 < number < LEAST_SHARE else f"{number:.2f}{unit}"
    if unit == PERCENT:
        return percent_text(number)
    return (number_text(number) if unit or isinstance(number, float) else count_text(number)) + unit


def scaled(field: str, value: int | float) -> tuple[int | float, str]:
    """Return a number as people read it, and its unit.

    >>> scaled("share", 0.25), scaled("reduction_factor", 16.0), scaled("r", 8)
    ((25.0, ' %'), (16.0, 'x'), (8, ''))
    """
    if field == "share":
        return 100 * value, PERCENT
    if field.startswith("percent") or field.endswith("percent"):
        return value, PERCENT
    return value, "x" if field.endswith("_factor") else ""


def amount(limit: Value, value: Value) -> str:
    """Return an amount of the budget that a limit sets: a count, bytes and their unit, or a percentage.

    >>> amount("max-bytes", 23256), amount("max-memory", 2**34), amount("max-percent", 0.5)
    ('23,256 (23.3 kB)', '17,179,869,184 (16 GiB)', '0.5 %')
    """
    return sheet_cell(str(limit).removeprefix("max-"), value)


def verdict_cells(value: Value, limit: Value) -> tuple[str, str]:
    """Return the texts of a value and its limit: rounded, unless two that differ would read the same.

    >>> verdict_cells(0.78125, 1), verdict_cells(99.9999999, 100)
    (('0.78125', '1'), ('99.9999999', '100'))
    """
    texts = cell("value", value), cell("limit", limit)
    both_numbers = isinstance(value, int | float) and isinstance(limit, int | float)
    if both_numbers and value != limit and texts[0] == texts[1]:
        return f"{value:,}", f"{limit:,}"
    return texts


def series(values: Sequence[Value]) -> str:
    """Return the text of a shape or of a few values.

    >>> series((32, 1024)), series((0.25, None))
    ('32 x 1024', '0.25, unknown')
    """
    sizes = all(isinstance(value, int) for value in values)
    return (" x " if sizes else ", ").join(str(value) if sizes else cell("", value) for value in values)


def times(shape: Sequence[int]) -> str:
    """Return a shape for a table.

    >>> times((4096, 16))
    '4,096 × 16'
    """
    return " × ".join(map(count_text, shape))


def sizes(record: Mapping[str, Value]) -> list[str]:
    """Return the sizes of a subject in words.

    >>> sizes({"d": 4096, "h": 8, "r": 2})
    ['d 4,096', 'h 8', 'rank 2']
    """
    words = {"d": "d", "h": "h", "r": "rank"}
    return [f"{word} {cell(field, record[field])}" for field, word in words.items() if record.get(field) is not None]


def setting_words(settings: Mapping[str, Value]) -> list[str]:
    """Return the settings of a training in words.

    >>> setting_words({"checkpointing": False, "logits_kept": True, "optimizer": "sgd", "seq": 2048})
    ['no checkpointing', 'logits kept', 'optimizer sgd', 'seq 2,048']
    """
    return [
        f"{'' if value else 'no '}{heading(name)}"
        if isinstance(value, bool)
        else f"{heading(name)} {cell(name, value)}"
        for name, value in settings.items()
    ]


def part_lines(parts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the parts of a report as labels and texts, e.g. `A` and `32 x 1024 = 32,768`."""
    for name, part in parts.items():
        if isinstance(part, Mapping):
            for key, values in part.items():
                yield f"{name.removesuffix('s')} {key}", series(values)
        else:
            for item in part:
                if "shape" in item:
                    yield item["name"], f"{series(item['shape'])} = {count_text(item['params'])}"


def sheet(report: Report) -> list[tuple[str, str]]:
    """Return a report of one record as labels and texts, followed by its settings and its parts."""
    lines = [
        (heading(field), sheet_cell(field, value))
        for field, value in {**report.record(), **report.missing}.items()
        if value is not None or field not in OF_CARD
    ]
    lines += [(heading(name), sheet_cell(name, value)) for name, value in report.settings.items()]
    return [*lines, *((heading(label), text) for label, text in part_lines(report.parts))]


def sheet_cell(field: str, value: Value) -> str:
    """Return the text of a value on a sheet, which has room for a size in bytes and in its unit, and for a time in minutes.

    >>> sheet_cell("adapter_bytes", 262384), sheet_cell("gpu_bytes", 25757220864), sheet_cell("train_seconds", 5000.0)
    ('262,384 (262 kB)', '25,757,220,864 (24 GiB)', '5,000 (1.39 h)')
    """
    text = cell(field, value)
    if not isinstance(value, int | float) or value < 1000:
        return text
    if field.endswith("bytes") or field == "memory":
        return f"{text} ({(bytes_text if field in FILES else memory_text)(int(value))})"
    return f"{text} ({time_text(value)})" if field.endswith("_seconds") else text


def time_text(seconds: float) -> str:
    """Return a time for people.

    >>> time_text(1228.2), time_text(10_000), time_text(10**6)
    ('20.5 min', '2.78 h', '11.6 days')
    """
    unit, size = next(((unit, size) for unit, size in TIME_UNITS if seconds >= size), ("s", 1))
    return f"{number_text(seconds / size, 3)} {unit}"
