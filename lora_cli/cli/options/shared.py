"""The options that commands share, and how their texts become values.

Every option is read as text and then by `quantities`, so that a wrong value is answered in one way:
the option, the value, the limit and the fix.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypeVar

import typer

from lora_cli.cli.show import Show
from lora_cli.errors import InvalidInput, quote
from lora_cli.models import MAX_DIMENSION
from lora_cli.quantities import QuantityError, parse_whole

__all__ = [
    "SIZES",
    "Color",
    "Field",
    "Format",
    "JudgesFormat",
    "Output",
    "Show",
    "read",
    "read_given",
    "read_sizes",
]

T = TypeVar("T")

Format = Annotated[
    str,
    typer.Option(
        "--format",
        metavar="NAME",
        help="auto, table, plain, json, ndjson, csv or markdown; auto is table on a terminal, else plain.",
    ),
]
JudgesFormat = Annotated[
    str,
    typer.Option(
        "--format",
        metavar="NAME",
        help="auto, table, plain, json, ndjson, csv, markdown, or for CI github (annotations) and junit.",
    ),
]
Field = Annotated[
    str | None, typer.Option("--field", metavar="NAME", help="Print this field's raw value alone, one line a record.")
]
Output = Annotated[
    str | None, typer.Option("--output", "-o", metavar="FILE", help="Write to FILE, whole or not at all.")
]
Color = Annotated[str, typer.Option("--color", metavar="WHEN", help="auto, always or never.")]


def read(option: str, text: str, parse: Callable[..., T], *limits: object) -> T:
    """Return `parse(text, *limits)`; what is wrong with the text is said of `option`."""
    try:
        return parse(text, *limits)
    except QuantityError as error:
        raise InvalidInput(f"{option}: {quote(error.text)} {error.problem}") from None


SIZES = ("-d/--in-features", "-h/--out-features", "-r/--rank")


def read_given(option: str, text: str | None, parse: Callable[..., T], *limits: object) -> T | None:
    """Return the value of an option that may be left out."""
    return None if text is None else read(option, text, parse, *limits)


def read_sizes(d: str, h: str, r: str) -> tuple[int, int, int]:
    """Return the sizes of one matrix and the rank."""
    d_size, h_size, rank = (
        read(option, text, parse_whole, 1, MAX_DIMENSION) for option, text in zip(SIZES, (d, h, r), strict=True)
    )
    return d_size, h_size, rank
