"""What the section of pyproject.toml and its tables say: rules, models and paths, with the table and key of each error."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from lora_cli.analysis.check.subject_check import Rules
from lora_cli.cli.pyproject_file import errors_at
from lora_cli.cli.pyproject_settings import PATH_KEYS, TABLE_KEYS, TRAINING, CheckTable, OwnRules, Settings
from lora_cli.errors import InvalidInput, UnreadableFile, argument, arguments_renamed, arguments_spelled, quote_long
from lora_cli.models.streams import is_stream

if TYPE_CHECKING:
    from lora_cli.models.model import Model

# The keys of arguments that have other names in Python.
KEYS = {"settings": "set", "paths": "path"}


def table_rules(
    table: CheckTable, project: Settings, options: OwnRules, training: Mapping[str, Any] = MappingProxyType({})
) -> Rules:
    """Return the rules of a table, with those of the section where it has none, and those of the options first."""
    own = {name.replace("-", "_"): value for name, value in table.values.get(TRAINING, {}).items()}
    return options.over(table.rules).over(project.rules).complete({**own, **training})


def table_subjects(project: Settings) -> Iterator[tuple[CheckTable, str | None]]:
    """Yield each table with its path, as seen from the working directory: once for each adapter in a folder of several."""
    from lora_cli.methods.adapter_file.read_adapter import adapter_paths

    for table in project.tables:
        paths: list[str | None] = [None]
        if "path" in table.values:
            with errors_at(str(project.source), table.line), errors_of(table.where, table.values, project):
                paths = [*adapter_paths(file_path(project, table.values["path"]))]
        for path in paths:
            yield table, path


@contextmanager
def section_named(project: Settings, options: OwnRules) -> Iterator[None]:
    """Let an error about a rule name the section's key, unless the command line sets the same."""
    keys = project.rules.names - options.names
    with arguments_renamed({name: f"{project.where}.{name.replace('_', '-')}" for name in keys}):
        yield


def same_subject(table: CheckTable, other: CheckTable, name: str) -> InvalidInput:
    """Return why a table is refused whose subject another has, too."""
    return InvalidInput(
        f"{table.where} has the same subject as {table_name(other)}, {quote_long(name)}; "
        "write the limits of both into one of them"
    )


def table_name(table: CheckTable) -> str:
    """Return the name of a table without that of its file."""
    return table.where.rpartition(": ")[2]


def section_model(project: Settings) -> Model | None:
    """Return the model of the section, if it has one."""
    if project.model is None:
        return None
    with errors_at(str(project.source)), errors_of(project.where, {"model": project.model}, project):
        return read_source(project, project.model)


def read_source(project: Settings, text: str) -> Model:
    """Return the model of a SOURCE in the file: the path of one, as seen from there, or else the name of a preset."""
    from lora_cli.models.sources.preset import read_preset
    from lora_cli.models.sources.read_model import read_model

    path = file_path(project, text)
    if os.path.lexists(path):
        return read_model(path)
    # What has the name of a preset in the working directory is not what the file means.
    return read_preset(text) if os.path.lexists(text) else read_model(text)


def file_path(project: Settings, text: str) -> str:
    """Return a path that the file names, as seen from the working directory; a stream is refused."""
    path = project.path(text)
    if is_stream(text) or is_stream(path):
        raise InvalidInput(f"{quote_long(text)} is a stream, which can be read only once; name a file instead")
    return path


@contextmanager
def errors_of(where: str, values: Mapping[str, Any], project: Settings, options: Iterable[str] = ()) -> Iterator[None]:
    """Let an error about `values` name their table, and their key where the message begins with that or with a path.

    Arguments that the command line has as `options` keep their names, and an error about one says no more.
    """
    keys = {**KEYS, "model": "base"} if "path" in values else KEYS
    keys = {**keys, **{name: argument(name) for name in options}}
    try:
        with arguments_spelled(lambda name: keys.get(name, name.replace("_", "-"))):
            yield
    except InvalidInput as error:
        message = str(error)
        if message.startswith(tuple(map(argument, options))):
            raise
        kind = UnreadableFile if isinstance(error, UnreadableFile) else InvalidInput
        # `method vera: ...` is about a field of its config, which another key may set.
        first = re.match(r"[\w-]++(?! \w+:)", message)
        if first is not None and (name := keys.get(first[0], first[0])) in TABLE_KEYS:
            raise kind(f"{where}.{name}{message.removeprefix(first[0])}") from error
        # Of two paths that a message begins with, the longer is meant.
        for key in sorted(values.keys() & {*PATH_KEYS}, key=lambda each: len(values[each]), reverse=True):
            starts = tuple(quote_long(path)[:-1] for path in (values[key], project.path(values[key])))
            if message.removeprefix("cannot read ").startswith(starts):
                raise kind(f"{where}.{key}: {message}") from error
        raise kind(f"{where}: {message}") from error
