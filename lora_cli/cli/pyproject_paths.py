"""The tables of pyproject.toml that hold for paths on the command line, which the hook of pre-commit always gives."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from lora_cli.analysis.check.path_checks import Terms
from lora_cli.analysis.check.subject_check import SubjectCheck
from lora_cli.analysis.each_path import Unread
from lora_cli.cli.pyproject_file import FILE, errors_at
from lora_cli.cli.pyproject_settings import CheckTable, OwnRules, Settings
from lora_cli.cli.pyproject_tables import errors_of, read_source, same_subject, table_name, table_rules, table_subjects
from lora_cli.errors import InvalidInput, question, quote_long

if TYPE_CHECKING:
    from lora_cli.models.model import Model


def terms_of_paths(
    project: Settings, options: OwnRules, training: Mapping[str, Any], model: Model | None
) -> Callable[[str], Terms]:
    """Return a function that says what a path is checked against: the options, then its table, then the section.

    An adapter has the table that names it, its config or its weights. The `model` of the command line, if
    there is one, replaces the base of a table.
    """
    from lora_cli.methods.adapter_file.read_adapter import adapter_key

    tables = _adapter_tables(project)

    @cache
    def read(text: str) -> Model:
        return read_source(project, text)

    def terms(path: str) -> Terms:
        table = tables.get(adapter_key(path))
        if table is None:
            return Terms(options.over(project.rules).complete(training), model)
        given = (*options.names, *training)
        with errors_at(str(project.source), table.line), errors_of(table.where, table.values, project, given):
            rules = table_rules(table, project, options, training)
            return Terms(rules, read(table.values["base"]) if model is None and "base" in table.values else model)

    return terms


def told_as_table(found: SubjectCheck | Unread, project: Settings) -> SubjectCheck | Unread:
    """Return what a path leads to; one that leads nowhere and is the name of a table is told as that."""
    if not isinstance(found, Unread) or os.path.lexists(found.path):
        return found
    table = next((each for each in project.tables if each.values.get("name") == found.path), None)
    if table is None:
        return found
    said = f"{quote_long(found.path)} is the name of {table_name(table)} in {FILE}"
    return found._replace(error=InvalidInput(f"{said}; {question('check')} without arguments checks it"))


def _adapter_tables(project: Settings) -> dict[str, CheckTable]:
    """Return the tables of adapters on disk by the keys of these."""
    from lora_cli.methods.adapter_file.read_adapter import adapter_key, is_adapter

    tables: dict[str, CheckTable] = {}
    for table, path in table_subjects(project):
        if path is None or not is_adapter(path):
            continue
        if (other := tables.setdefault(adapter_key(path), table)) is not table:
            with errors_at(str(project.source), table.line):
                raise same_subject(table, other, path)
    return tables
