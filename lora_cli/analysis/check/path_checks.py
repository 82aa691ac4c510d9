"""The checks of what paths and names lead to: trained adapters, their configs, and models."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from lora_cli.analysis.check.subject_check import Rules, SubjectCheck, check_count, check_inspection
from lora_cli.analysis.count.count import count_subject
from lora_cli.analysis.each_path import Unread, for_each
from lora_cli.analysis.limits import MAX_MEMORY
from lora_cli.analysis.subject import Subject, read_subject
from lora_cli.errors import InvalidInput, argument, near_miss, quote_long
from lora_cli.methods.config.adaptation import UNCHANGED, Adaptation
from lora_cli.models.files import near_path, read_object
from lora_cli.models.peft_names import ADAPTER_CONFIG
from lora_cli.models.streams import is_stream

if TYPE_CHECKING:
    from lora_cli.models.model import Model
    from lora_cli.models.sources.hub_files import HubFiles

CONFIG = "config.json"
# The figures of an adapter that follow from its base alone.
BASE_FIGURES = frozenset({"full_params", "all_params"})


class Terms(NamedTuple):
    """What a path is checked against: its rules, and the base model of the adapter there, if one is given."""

    rules: Rules
    model: Model | None = None


def check_paths(
    paths: Sequence[str],
    terms: Callable[[str], Terms],
    how: Adaptation = UNCHANGED,
    *,
    default_model: Model | None = None,
) -> Iterator[SubjectCheck | Unread]:
    """Check what each path or name leads to; an adapter that several paths lead to is checked once.

    `terms` says what each is checked against, and `how` says how a path that is a model is adapted. Without a model in
    its terms, an adapter has the `default_model`, and a path may be a model. What is wrong with one path stops no other.
    """
    from lora_cli.methods.adapter_file.read_adapter import adapter_key, adapter_paths

    checked = set()

    def is_first(path: str) -> bool:
        key = adapter_key(path)
        is_new = key not in checked
        if not is_stream(path):
            checked.add(key)
        return is_new

    for path in filter(is_first, chain.from_iterable(map(adapter_paths, paths))):
        rules, model = terms(path)
        check = partial(check_path, rules=rules, model=model, how=how, default_model=default_model)
        yield from for_each([path], check)


def check_path(
    path: str, rules: Rules, model: Model | None, how: Adaptation, *, default_model: Model | None
) -> SubjectCheck:
    """Check what one path or name leads to, as `check_paths` does."""
    from lora_cli.methods.adapter_file.read_adapter import adapter_folder, is_foreign

    if is_stream(path):
        base = model or default_model
        return _check_model(path, rules, None, how) if base is None else _check_config(path, rules, base, how)
    if not os.path.lexists(path):
        found = _hub_files(path)
        if found is None or not _is_adapter_on_hub(found):
            return _check_model(path, rules, model, how, found)
        check = _check_adapter(path, None, rules, model, how)
        # The config was fetched to tell an adapter from a model.
        return check._replace(notes=list(dict.fromkeys([*found.notes, *check.notes])))
    folder = adapter_folder(path)
    if folder is None and not is_foreign(path):
        return _check_model(path, rules, model, how)
    return _check_adapter(path, folder if folder is None else folder or os.curdir, rules, model or default_model, how)


def _hub_files(name: str) -> HubFiles | None:
    """Return the files of a repository on the Hub, or None for a preset; any other name is refused."""
    from lora_cli.models.sources.adapter_source import name_on_hub
    from lora_cli.models.sources.hub_files import HubFiles
    from lora_cli.models.sources.preset import is_preset, names

    if is_preset(name):
        return None
    found = name_on_hub(name)
    if found is None:
        near = near_path(name) or near_miss(
            name.lower(), names(), "give an adapter, a model, or a name on the Hub, org/name"
        )
        raise InvalidInput(f"{quote_long(name)} is neither a path that exists nor the name of a model; {near}")

    return HubFiles(found)


def _is_adapter_on_hub(files: HubFiles) -> bool:
    from lora_cli.methods.adapter_file.read_adapter import is_foreign_on_hub

    if files.first_path(ADAPTER_CONFIG, CONFIG) is None:
        return is_foreign_on_hub(files)
    return files.has(ADAPTER_CONFIG)


def _check_model(
    path: str, rules: Rules, model: Model | None, how: Adaptation, files: HubFiles | None = None
) -> SubjectCheck:
    if model is not None:
        raise InvalidInput(
            f"{quote_long(path)} is not an adapter, so it conflicts with {argument('model')}; drop one of them"
        )
    if files is None:
        from lora_cli.models.sources.read_model import read_model

        return check_count(count_subject(Subject(read_model(path)), how), rules, path)
    from lora_cli.models.sources.hub_model import read_hub_model

    return check_count(count_subject(Subject(read_hub_model(files.name, files)), how), rules, path)


def _check_adapter(path: str, folder: str | None, rules: Rules, model: Model | None, how: Adaptation) -> SubjectCheck:
    from lora_cli.analysis.inspect.inspect import inspect
    from lora_cli.methods.adapter_file.read_adapter import has_weights, is_foreign
    from lora_cli.models.sources.adapter_source import adapter_config_file

    if how != Adaptation(adapter_dtype=how.adapter_dtype):
        options = ("r", "target", "method", "settings", "alpha", "adapter")
        raise InvalidInput(
            f"{quote_long(path)} is an adapter, whose config says how it adapts; drop {_any_of(options)}"
        )
    if model is None and MAX_MEMORY in rules.limits:
        model = read_subject(None, None, None, path).model
    if folder is None or has_weights(folder) or is_foreign(path):
        if model is None and folder is not None:
            return _check_without_model(path, rules)
        return check_inspection(inspect(path, model, values=True), rules, path, model)
    if model is None:
        read_object(adapter_config_file(path).path)
        raise InvalidInput(
            f"{quote_long(path)} is a config without weights; give the model that it adapts as {argument('model')}"
        )
    return _check_config(path, rules, model, how)


def _check_without_model(path: str, rules: Rules) -> SubjectCheck:
    """Check an adapter beside the bundled or local base that its config names, unless it may have been trained on another one.

    A loader takes that base as it is. A lock has no figures of it, as nobody asked for a model.
    """
    from lora_cli.analysis.inspect.inspect import inspect, inspect_for_loaders

    found = check_inspection(
        inspect_for_loaders(path) if rules.destinations else inspect(path, values=True), rules, path
    )
    own = {name: value for name, value in (found.record or {}).items() if name not in BASE_FIGURES}
    return found._replace(record=own or None)


def _check_config(path: str, rules: Rules, model: Model, how: Adaptation) -> SubjectCheck:
    return check_count(count_subject(Subject(model), how._replace(adapter=path)), rules, path)


def _any_of(names: Sequence[str]) -> str:
    *first, last = map(argument, names)
    return f"{', '.join(first)} and {last}"
