"""The formats by name. A format is one file in `formats`, which is imported when the format is asked for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from importlib import import_module

from lora_cli.errors import InvalidInput, argument, choices, near_miss, quote, quote_long
from lora_cli.output import formats
from lora_cli.output.format import Format, Writer
from lora_cli.output.report import Conditions

# The format that stands for another: one on a terminal, one elsewhere.
AUTO, ON_TERMINAL, ELSEWHERE = "auto", "table", "plain"
NO_CONDITIONS = Conditions()
# The format that has an option of its own.
JSON = "json"
# The formats that a file's name asks for by its ending.
ENDINGS = {
    ".csv": "csv",
    ".json": "json",
    ".jsonl": "ndjson",
    ".md": "markdown",
    ".ndjson": "ndjson",
    ".txt": "plain",
    ".xml": "junit",
}


@cache
def format_names() -> tuple[str, ...]:
    """Return the names of all formats.

    >>> format_names()
    ('csv', 'github', 'json', 'junit', 'markdown', 'ndjson', 'plain', 'table')
    """
    stems = (name.removesuffix(".py") for name in os.listdir(formats.__path__[0]) if name.endswith(".py"))
    return tuple(sorted(stem for stem in stems if not stem.startswith("_")))


def format_of_file(path: str) -> str | None:
    """Return the format that a file's name asks for, or None where it asks for none.

    >>> format_of_file("counts.CSV"), format_of_file("counts")
    ('csv', None)
    """
    return ENDINGS.get(os.path.splitext(path)[1].lower())


def unknown_ending(path: str) -> str | None:
    """Return the ending of a file's name if it asks for a format that there is not.

    >>> unknown_ending("counts.xlsx"), unknown_ending("counts.csv"), unknown_ending("counts")
    ('.xlsx', None, None)
    """
    ending = os.path.splitext(path)[1]
    return ending if ending and format_of_file(path) is None else None


def format_named(name: str) -> Format:
    """Return the declaration of a format that is known.

    >>> format_named("json").has_parts
    True
    """
    declared: Format = import_module(f"{formats.__name__}.{name}").FORMAT
    return declared


def formats_of(*, judged: bool) -> dict[str, Format]:
    """Return the formats of a command, whose records are `judged` or not."""
    known = {name: format_named(name) for name in format_names()}
    return {name: declared for name, declared in known.items() if judged or not declared.judged_only}


def formats_help(*, judged: bool) -> str:
    """Return the names of the formats of a command for its help.

    >>> formats_help(judged=False)
    'auto, csv, json, markdown, ndjson, plain, table'
    """
    known = formats_of(judged=judged).items()
    return ", ".join([AUTO, *(f"{name} ({declared.note})" if declared.note else name for name, declared in known)])


def format_writer(name: str, size: int, command: str, *, judged: bool = False, file: str | None = None) -> Writer:
    """Return what writes a report of `size` records of `command` in the format called `name`, or refuse.

    `file` is the file whose ending says the format, if that is what does.
    """
    if name not in format_names():
        known = [AUTO, *formats_of(judged=judged)]
        raise InvalidInput(f"{argument('format')}: {quote(name)} is not known; {choices(name, known)}")
    chosen = format_named(name)
    if chosen.judged_only and not judged:
        known = [AUTO, *formats_of(judged=judged)]
        where, rest = f"{argument('format')}: {name}", known
        if file is not None:
            where = f"{argument('output')}: {quote_long(file)} asks for {name} by its ending; {name}"
            rest = [ending for ending, meant in ENDINGS.items() if meant in known]
        raise InvalidInput(f"{where} shows only verdicts, and {command} gives none; choose from: {', '.join(rest)}")
    if chosen.most_rows is not None and size > chosen.most_rows:
        streaming = [other for other, declared in formats_of(judged=False).items() if declared.most_rows is None]
        raise InvalidInput(
            f"{size:,} rows are too many for {argument('format')} {name}, which takes at most {chosen.most_rows:,}; "
            f"use {', '.join(streaming[:-1])} or {streaming[-1]}, which take any number"
        )
    return chosen.write


def field_writer(
    wanted: Sequence[str], command: str, fields: Sequence[str], conditions: Conditions = NO_CONDITIONS
) -> Writer:
    """Return what writes only the raw values of some fields, a line for each record, or refuse one that is not known.

    `conditions` say why a field of the command is not there.
    """
    for name in wanted:
        if name not in fields:
            raise InvalidInput(f"{argument('field')}: {quote(name)} {_missing(name, command, fields, conditions)}")
    from lora_cli.output.chosen_fields import field_values

    return field_values(wanted)


def _missing(name: str, command: str, fields: Sequence[str], conditions: Conditions) -> str:
    """Say why records have no such field, and what to write instead.

    >>> _missing("model", "count", ["name", "r"], Conditions(option="--per-module", without=["model"]))
    'is a field of count only without --per-module; choose from: name, r'
    >>> _missing("kind", "count", ["r"], Conditions({"kind": "--per-module"}))
    'needs --per-module; give that too'
    """
    if name in conditions.needs:
        return f"needs {conditions.needs[name]}; give that too"
    listed = f"choose from: {', '.join(fields)}"
    if name in conditions.settings:
        shown = f"{argument('format')} {JSON} shows it under training"
        return f"is a setting of the training and not a field of {command}; {shown}; {near_miss(name, fields, listed)}"
    if name in conditions.without:
        return f"is a field of {command} only without {conditions.option}; {near_miss(name, fields, listed)}"
    records = command if conditions.option is None else f"{command} with {conditions.option}"
    return f"is not a field of {records}; {near_miss(name, [*fields, *conditions.needs], listed)}"


def columns_writer(name: str, write: Writer, wanted: Sequence[str]) -> Writer:
    """Return what writes only some fields in the format called `name`, whose `write` is given, or refuse."""
    if not format_named(name).takes_fields:
        known = [other for other in format_names() if format_named(other).takes_fields]
        raise InvalidInput(
            f"{argument('field')} chooses columns of {', '.join(known[:-1])} or {known[-1]}, not of {name}; "
            "without a format it prints raw values"
        )
    from lora_cli.output.chosen_fields import only

    names = tuple(dict.fromkeys(wanted))
    return lambda report, stream, screen: write(only(report, names), stream, screen)
