"""The checks of the subjects that pyproject.toml lists: a table `[[tool.lora-cli.check]]` each."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from lora_cli.analysis.check.path_checks import check_path
from lora_cli.analysis.check.subject_check import Rules, SubjectCheck, check_count, check_recipe
from lora_cli.analysis.limits import MAX_MEMORY
from lora_cli.cli.checked_subjects import CheckedSubjects
from lora_cli.cli.locations import location, own_location
from lora_cli.cli.pyproject_file import SECTION, errors_at
from lora_cli.cli.pyproject_settings import TRAINING, CheckTable, OwnRules, Settings
from lora_cli.cli.pyproject_tables import (
    errors_of,
    file_path,
    read_source,
    same_subject,
    section_model,
    table_name,
    table_rules,
    table_subjects,
)
from lora_cli.errors import InvalidInput, UnreadableFile, quote_long
from lora_cli.methods.config.adaptation import Adaptation
from lora_cli.output.report import Location, Trouble

if TYPE_CHECKING:
    from lora_cli.models.model import Model


def listed_checks(
    project: Settings, options: OwnRules, training: Mapping[str, Any], *, needs_limit: bool
) -> CheckedSubjects:
    """Check each subject against the limits of its table, of the section where that has none, and of the options first.

    A table without any limit is refused where one is needed, and so is one whose subject another table has. A subject
    whose file cannot be read stops no other. The `training` replaces that of the tables with a limit of memory.
    """

    @cache
    def read(text: str) -> Model:
        return read_source(project, text)

    source = str(project.source)
    with_memory = [
        table for table in project.tables if MAX_MEMORY in options.over(table.rules).over(project.rules).limits
    ]
    if not with_memory:
        options.over(project.rules).complete(training)
    base = None if all(table.names_model for table in project.tables) else section_model(project)
    found: dict[str, tuple[CheckTable, SubjectCheck]] = {}
    names: dict[str, CheckTable] = {}
    troubles = []
    for table, path in table_subjects(project):
        with errors_at(source, table.line):
            try:
                with errors_of(table.where, table.values, project, (*options.names, *training)):
                    rules = table_rules(table, project, options, training if table in with_memory else {})
                    key, check = _check(table, path, rules, base, read, project)
            except UnreadableFile as error:
                troubles.append(Trouble(table_name(table), str(error), location(source, table.line)))
                continue
            if key in found:
                raise same_subject(table, found[key][0], key if "name" in table.values else str(check.path))
            if (other := names.setdefault(str(check.path), table)) is not table:
                raise InvalidInput(
                    f"{table.where}.name: {quote_long(str(check.path))} is the name of {table_name(other)}, too; "
                    "give each a name of its own"
                )
            if needs_limit and not check.verdicts:
                raise InvalidInput(
                    f'{table.where} has no limit; write one into it or into [tool.{SECTION}], e.g. max-params = "20M"'
                )
        found[key] = table, check
    return CheckedSubjects(
        [check for _, check in found.values()],
        {check.path: _location(check) or location(source, table.line) for table, check in found.values()},
        troubles,
    )


def _location(check: SubjectCheck) -> Location | None:
    """Return where the config of a subject is; the name of a count is not a path."""
    return own_location(check if check.how is None else check._replace(path=None))


def _check(
    table: CheckTable,
    path: str | None,
    rules: Rules,
    base: Model | None,
    read: Callable[[str], Model],
    project: Settings,
) -> tuple[str, SubjectCheck]:
    """Return what no other table may be about, and its check."""
    from lora_cli.analysis.check.lock_keys import count_key, recipe_name
    from lora_cli.analysis.count.count import count
    from lora_cli.methods.adapter_file.read_adapter import adapter_key, is_adapter

    values = {
        **table.values,
        **{key: file_path(project, table.values[key]) for key in ("recipe", "adapter") if key in table.values},
    }
    how = Adaptation(
        values.get("method"),
        values.get("r"),
        values.get("alpha"),
        values.get("target"),
        values.get("set", {}),
        values.get("adapter"),
        values.get("adapter-dtype"),
    )
    source = values.get("model")
    if path is not None:
        if not os.path.lexists(path):
            raise InvalidInput(f"{quote_long(path)} does not exist; a bundled model is named by the key model")
        own = None if "base" not in values else read(values["base"])
        if own is not None or is_adapter(path):
            return adapter_key(path), check_path(path, rules, own, how, default_model=base)
        source = table.values["path"]
    settings = ", ".join(f"{name} {value}" for name, value in table.values.get(TRAINING, {}).items())
    trained = f" ({settings})" if settings else ""
    if (recipe := values.get("recipe")) is not None:
        key = f"{recipe_name(recipe, how)}{trained}"
        return key, check_recipe(recipe, None, how, rules, values.get("name", key))
    names_matrix = "d" in values or "h" in values
    model = None if names_matrix else base if source is None else read(source)
    counted = count(values.get("d"), values.get("h"), model=model, **how._asdict())
    # As it would be named in a lock that stands in the working directory, and by how it is trained.
    key = f"{count_key(counted.record(), counted.how, 'lock')}{trained}"
    return key, check_count(counted, rules, values.get("name", key))
