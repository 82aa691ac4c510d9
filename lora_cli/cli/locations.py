"""The file that each subject of a check is annotated at."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress

from lora_cli.analysis.check.subject_check import SubjectCheck
from lora_cli.output.report import Location


def own_location(check: SubjectCheck) -> Location | None:
    """Return where the config of a subject is: its recipe, its adapter's config, or that of what its path leads to."""
    return _first_location([check.recipe, None if check.how is None else check.how.adapter, check.path])


def model_location(check: SubjectCheck) -> Location | None:
    """Return where the config of the model is that a subject adapts."""
    return _first_location([None if check.record is None else check.record.get("model")])


def path_location(path: str) -> Location | None:
    """Return where the config of what a path leads to is, or None where the path leads nowhere."""
    return _first_location([path])


def location(file: str, line: int | None = None) -> Location:
    """Return a place in a file, by its path from the repository of GitHub's runner or else from the working directory.

    Bytes of the path are UTF-8, as in a repository, whatever the locale is.
    """
    folder, name = os.path.split(file)
    path = os.path.join(os.path.realpath(folder), name)
    repository = os.path.realpath(os.environ.get("GITHUB_WORKSPACE") or os.curdir)
    start = repository if path.startswith(os.path.join(repository, "")) else os.curdir
    # On Windows, a path on another drive has no relative one.
    with suppress(ValueError):
        path = os.path.relpath(path, start)
    return Location(os.fsencode(path).decode("utf-8", "surrogateescape").replace(os.sep, "/"), line)


def _first_location(sources: Iterable[object]) -> Location | None:
    for source in sources:
        if isinstance(source, str | os.PathLike) and os.path.lexists(source):
            return location(_config(os.fspath(source)))
    return None


def _config(path: str) -> str:
    """Return the config that a path leads to, or the path itself where there is none."""
    from lora_cli.methods.adapter_file.read_adapter import adapter_folder
    from lora_cli.models.peft_names import ADAPTER_CONFIG
    from lora_cli.models.sources.local_files import CONFIG

    adapter = adapter_folder(path)
    config = os.path.join(path, CONFIG) if adapter is None else os.path.join(adapter, ADAPTER_CONFIG)
    return config if os.path.lexists(config) else path
