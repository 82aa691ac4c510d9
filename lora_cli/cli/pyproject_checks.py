"""The checks of the subjects that pyproject.toml lists: a table `[[tool.lora-cli.check]]` each."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from lora_cli.analysis.check.path_checks import check_path
from lora_cli.analysis.check.subject_check import Rules, SubjectCheck, check_count, count_recipe
from lora_cli.cli.checked_subjects import CheckedSubjects
from lora_cli.cli.locations import location, own_location
from lora_cli.cli.pyproject_file import SECTION, errors_at
from lora_cli.cli.pyproject_settings import PATH_KEYS, TABLE_KEYS, CheckTable, OwnRules, Settings
from lora_cli.errors import InvalidInput, UnreadableFile, arguments_spelled, quote_long
from lora_cli.methods.config.adaptation import Adaptation
from lora_cli.models.streams import is_stream
from lora_cli.output.report import Trouble

if TYPE_CHECKING:
    from lora_cli.models.model import Model

# The keys of arguments that have other names in Python.
KEYS = {"settings": "set", "paths": "path"}
SECTION_MODEL = f"tool.{SECTION}.model"


def listed_checks(project: Settings, options: OwnRules, *, needs_limit: bool) -> CheckedSubjects:
    """Check each subject against the limits of its table, of the section where that has none, and of the options first.

    A table without any limit is refused where one is needed, and so is one whose subject another table has. A subject
    whose file cannot be read stops no other.
    """

    @cache
    def read(text: str) -> Model:
        return _read(project, text)

    source = str(project.source)
    base = None if all(table.names_model for table in project.tables) else section_model(project)
    found: dict[str | None, tuple[CheckTable, SubjectCheck]] = {}
    troubles = []
    for table in project.tables:
        with errors_at(source, table.line):
            try:
                check = _judged(table, options, base, read, project)
            except UnreadableFile as error:
                troubles.append(Trouble(_name(table), str(error), location(source, table.line)))
                continue
            if check.path in found:
                raise InvalidInput(
                    f"{table.where} has the same subject as {_name(found[check.path][0])}, "
                    f"{quote_long(str(check.path))}; write the limits of both into one of them"
                )
            if needs_limit and not check.verdicts:
                raise InvalidInput(
                    f'{table.where} has no limit; write one into it or into [tool.{SECTION}], e.g. max-params = "20M"'
                )
        found[check.path] = table, check
    return CheckedSubjects(
        [check for _, check in found.values()],
        {path: own_location(check) or location(source, table.line) for path, (table, check) in found.items()},
        troubles,
    )


def _judged(
    table: CheckTable, options: OwnRules, base: Model | None, read: Callable[[str], Model], project: Settings
) -> SubjectCheck:
    with _errors_of(table.where, table.values, project):
        rules = options.over(table.rules).over(project.rules).complete(_training(table.values))
        return _check(table, rules, base, read, project)


def _training(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return how a table's subject is trained, by the names that Python has for its keys."""
    return {name.replace("-", "_"): value for name, value in values.get("training", {}).items()}


def section_model(project: Settings) -> Model | None:
    """Return the model of the section, if it has one."""
    if project.model is None:
        return None
    with errors_at(str(project.source)), _errors_of(project.where, {"model": project.model}, project):
        return _read(project, project.model)


def _check(
    table: CheckTable, rules: Rules, base: Model | None, read: Callable[[str], Model], project: Settings
) -> SubjectCheck:
    from lora_cli.analysis.check.lock_keys import count_key
    from lora_cli.analysis.count.count import count
    from lora_cli.methods.adapter_file.read_adapter import adapter_folder, is_foreign

    values = {
        **table.values,
        **{key: _path(project, table.values[key]) for key in ("path", "recipe", "adapter") if key in table.values},
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
    if (path := values.get("path")) is not None:
        if not os.path.lexists(path):
            raise InvalidInput(f"{quote_long(path)} does not exist; a bundled model is named by the key model")
        if adapter_folder(path) is not None or is_foreign(path):
            return check_path(path, rules, None, how, default_model=base)
        source = table.values["path"]
    if (recipe := values.get("recipe")) is not None:
        counted, rules = count_recipe(recipe, None, how, rules)
    else:
        names_matrix = "d" in values or "h" in values
        model = None if names_matrix else base if source is None else read(source)
        counted = count(values.get("d"), values.get("h"), model=model, **how._asdict())
    # As it would be named in a lock that stands in the working directory, and by how it is trained.
    settings = ", ".join(f"{name} {value}" for name, value in table.values.get("training", {}).items())
    name = count_key(counted.record(), counted.how, "lock")
    return check_count(counted, rules, f"{name} ({settings})" if settings else name)


def _read(project: Settings, text: str) -> Model:
    """Return the model of a SOURCE in the file: the path of one, as seen from there, or else the name of a preset."""
    from lora_cli.models.sources.preset import read_preset
    from lora_cli.models.sources.read_model import read_model

    path = _path(project, text)
    if os.path.lexists(path):
        return read_model(path)
    # What has the name of a preset in the working directory is not what the file means.
    return read_preset(text) if os.path.lexists(text) else read_model(text)


def _path(project: Settings, text: str) -> str:
    path = project.path(text)
    if is_stream(text) or is_stream(path):
        raise InvalidInput(f"{quote_long(text)} is a stream, which can be read only once; name a file instead")
    return path


@contextmanager
def _errors_of(where: str, values: Mapping[str, Any], project: Settings) -> Iterator[None]:
    """Let an error about `values` name their table, and their key where the message begins with that or with a path."""
    # A path has its base model from the section.
    keys = {**KEYS, "model": SECTION_MODEL} if "path" in values else KEYS
    try:
        with arguments_spelled(lambda name: keys.get(name, name.replace("_", "-"))):
            yield
    except InvalidInput as error:
        message = str(error)
        kind = UnreadableFile if isinstance(error, UnreadableFile) else InvalidInput
        # `method vera: ...` is about a field of its config, which another key may set.
        first = re.match(r"[\w-]++(?! \w+:)", message)
        if first is not None and first[0] in TABLE_KEYS:
            raise kind(f"{where}.{message}") from error
        for key in values.keys() & {*PATH_KEYS}:
            starts = tuple(quote_long(path)[:-1] for path in (values[key], project.path(values[key])))
            if message.removeprefix("cannot read ").startswith(starts):
                raise kind(f"{where}.{key}: {message}") from error
        raise kind(f"{where}: {message}") from error


def _name(table: CheckTable) -> str:
    """Return the name of a table without that of its file."""
    return table.where.rpartition(": ")[2]
