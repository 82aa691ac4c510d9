"""From the arguments that say how a subject is adapted to a PEFT config."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, SupportsIndex

from lora_cli.dtypes import BY_TORCH_NAME, VALUE_TYPES, full_name
from lora_cli.errors import InvalidInput, argument, choices, near_miss, quote
from lora_cli.methods.config.adaptation import ALL_LINEAR, Adaptation, Target
from lora_cli.methods.registry import method_named, variant_fields
from lora_cli.models.matrix import dimension

if TYPE_CHECKING:
    from lora_cli.methods.config.adapter_config import AdapterConfig
    from lora_cli.methods.method import Method

# A list of module names is made of these characters; any other text is a regular expression.
NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.,")


class ConfigFields(NamedTuple):
    """The fields of a PEFT config, what messages call their source, and the commit of one that is from the Hub."""

    fields: Mapping[str, Any]
    source: str
    revision: str | None = None
    notes: tuple[str, ...] = ()


class ReadConfig(NamedTuple):
    """A config, and the names of those of its fields that are unknown."""

    config: AdapterConfig
    unknown: Sequence[str]


def adapter_config(how: Adaptation, *, of_model: bool) -> tuple[AdapterConfig, list[str]]:
    """Return the config that the arguments describe, and a warning for each unknown field of its file."""
    given = config_fields(how, of_model=of_model, needs_rank=not of_model)
    read = read_fields(how, given)
    if read.unknown and how.adapter is None:
        raise unknown_field(how.method_name, read.unknown[0])
    return read.config, unknown_warnings(given.source, read.unknown)


def config_fields(how: Adaptation, *, of_model: bool, needs_rank: bool) -> ConfigFields:
    """Return the fields of the config that the arguments describe."""
    if how.adapter is None:
        fields = _argument_fields(how, needs_rank=needs_rank)
        given = ConfigFields(fields, f"method {fields['peft_type'].lower()}")
    else:
        given = read_adapter_fields(how.adapter)
        _refuse_conflicts(how, given.fields, given.source)
    if of_model:
        return given
    from lora_cli.methods.config.one_matrix import on_one_matrix, with_matrix_as_target

    fields_of_matrix = given.fields if how.adapter is None else with_matrix_as_target(given.fields)
    return given._replace(fields=on_one_matrix(fields_of_matrix))


def read_adapter_fields(adapter: str | os.PathLike[str]) -> ConfigFields:
    """Return the fields of the adapter_config.json that a path, its folder, a stream or a Hub name leads to."""
    from lora_cli.models.files import path_text, read_config_object
    from lora_cli.models.sources.adapter_source import adapter_config_file

    file = adapter_config_file(path_text("adapter", adapter))
    return ConfigFields(read_config_object(file.path), file.name, file.revision, file.notes)


def read_fields(how: Adaptation, given: ConfigFields) -> ReadConfig:
    """Return the config that has these fields."""
    from dataclasses import replace

    from lora_cli.methods.config.reading import read_adapter_config
    from lora_cli.models.config import Config

    config, unknown = read_adapter_config(Config(given.fields, given.source), how.method)
    if how.adapter is not None and config.task_type is None and method_named(config.method).is_prompt:
        raise InvalidInput(f'{given.source} has no task_type, which {config.method} needs; add it, e.g. "CAUSAL_LM"')
    if how.adapter_dtype is not None:
        dtype = full_name(how.adapter_dtype)
        if dtype not in VALUE_TYPES:
            raise InvalidInput(
                f"{argument('adapter_dtype')}: {quote(how.adapter_dtype)} is not known; {choices(how.adapter_dtype, VALUE_TYPES)}"
            )
        config = replace(config, adapter_dtype=BY_TORCH_NAME[dtype].name)
    if given.revision is not None or given.notes:
        config = replace(config, revision=given.revision, notes=given.notes)
    return ReadConfig(config, unknown)


def unknown_field(method: str, field: str) -> InvalidInput:
    """Return the error for a field that a method does not have."""
    own = method_named(method)
    near = near_miss(field, (*own.fields, *sorted(own.shared_fields)), f"`lora-cli methods {method}` lists its fields")
    return InvalidInput(f"{argument('settings')}: method {own.name} has no field {quote(field)}; {near}")


def unknown_warnings(source: str, unknown: Sequence[str]) -> list[str]:
    """Return a warning for each unknown field of a file."""
    return [f"{source}: field {quote(name)} is unknown and ignored" for name in unknown]


def shared_settings(hows: Sequence[Adaptation], *, of_model: bool) -> list[Adaptation]:
    """Return several methods, each with those of the settings that it has; one that none of them has is refused."""
    unknown = []
    for how in hows:
        given = config_fields(how, of_model=of_model, needs_rank=False)
        unknown.append(frozenset(read_fields(how, given).unknown))
    refuse_unknown_to_all(hows[0].method_name, unknown)
    return [
        how._replace(settings={name: value for name, value in how.settings.items() if name not in missing})
        for how, missing in zip(hows, unknown, strict=True)
    ]


def refuse_unknown_to_all(method: str, unknown: Sequence[frozenset[str]]) -> None:
    """Refuse a field that none of several methods has; `method` is one of them."""
    if unknown and (fields := frozenset.intersection(*unknown)):
        raise unknown_field(method, min(fields))


def target_modules(target: Target) -> list[str] | str:
    """Return PEFT's `target_modules`: a list of names, or a text that is all-linear or a regular expression.

    >>> target_modules("q_proj, v_proj"), target_modules("all-linear"), target_modules(r".*\\.q_proj")
    (['q_proj', 'v_proj'], 'all-linear', '.*\\\\.q_proj')
    """
    if not isinstance(target, str):
        if not isinstance(target, Iterable):
            raise InvalidInput(f"{argument('target')}: {quote(target)} is not a list of names; give names")
        names = list(target)
        if not all(isinstance(name, str) and name for name in names):
            raise InvalidInput(f"{argument('target')}: {quote(names)} has an entry that is not a name; give names")
        return names
    # Many people write a space behind a comma; it is not part of a name.
    names = [name.strip() for name in target.split(",")]
    if target.lower() == ALL_LINEAR or not NAME_CHARACTERS.issuperset("".join(names)):
        return target
    if not all(names):
        raise InvalidInput(
            f"{argument('target')}: {quote(target)} has an empty name; write it like q_proj,v_proj or {ALL_LINEAR}"
        )
    return names


def _argument_fields(how: Adaptation, *, needs_rank: bool) -> dict[str, Any]:
    """Return the fields of a PEFT config as the arguments give them."""
    method = method_named(how.method_name)
    fields: dict[str, Any] = {"peft_type": method.peft_type, **variant_fields(how.method_name)}
    if not isinstance(how.settings, Mapping):
        raise InvalidInput(
            f"{argument('settings')}: {quote(how.settings)} is not a mapping; give fields with their values"
        )
    if how.r is not None:
        fields["r"] = _rank(method, how.r)
    elif needs_rank and method.rank is not None and "r" not in how.settings:
        raise missing("r")
    if how.alpha is not None:
        fields.update(_alpha_field(method, how.alpha))
    if how.target is not None:
        fields["target_modules"] = target_modules(how.target)
    for field, value in how.settings.items():
        if field in fields:
            raise InvalidInput(
                f"{argument('settings')}: {quote(field)} is also set by another argument; drop one of them"
            )
        if field == "modules_to_save" and isinstance(value, str):
            raise InvalidInput(
                f"{argument('settings')}: modules_to_save is the text {quote(value)}, and it must be a list of names; "
                """write it like 'modules_to_save=["lm_head"]'"""
            )
        fields[field] = _json_value(value)
    return fields


def _rank(method: Method[Any], r: SupportsIndex) -> int:
    if method.rank is None:
        size = f"; {argument('settings')} {method.knob}=N sets its size" if method.knob else ""
        raise InvalidInput(f"{argument('r')}: method {method.name} has no rank{size}; leave it out")
    return dimension("r", r)


def _alpha_field(method: Method[Any], alpha: float) -> dict[str, float]:
    """Return the field of the method's config that has the alpha; whether it is a number is checked with the config."""
    if method.alpha is None:
        raise InvalidInput(f"{argument('alpha')}: method {method.name} has no alpha; leave it out")
    alpha = _json_value(alpha)
    if isinstance(alpha, int | float) and not alpha > 0:
        raise InvalidInput(f"{argument('alpha')}: {quote(alpha)} is not above 0; give a finite number, e.g. 16")
    return {method.alpha: alpha}


def _json_value(value: Any) -> Any:
    """Return a value as JSON has it: NumPy's scalars and arrays become numbers and lists."""
    if isinstance(value, Mapping):
        return {name: _json_value(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_json_value(each) for each in value]
    return value.tolist() if hasattr(value, "tolist") else value


def missing(name: str) -> InvalidInput:
    """Return the error for an argument that one matrix needs."""
    d, h, r = map(argument, ("d", "h", "r"))
    return InvalidInput(
        f"{argument(name)} is missing; give {d}, {h} and {r} for one matrix, or {argument('model')} for a model"
    )


def _refuse_conflicts(how: Adaptation, fields: Mapping[str, Any], source: str) -> None:
    """Refuse arguments that set again what the config of an adapter sets."""
    arguments = {"r": how.r, "target": how.target, "alpha": how.alpha, "settings": how.settings or None}
    for name, value in arguments.items():
        if value is not None:
            raise InvalidInput(
                f"{argument(name)} conflicts with {argument('adapter')}, whose config already sets it; drop one of them"
            )
    if how.method is None:
        return
    peft_type = fields.get("peft_type") or method_named(how.method).peft_type
    if how.method.upper() != peft_type:
        raise InvalidInput(
            f"{source}: peft_type is {quote(peft_type)}, and {argument('method')} is {quote(how.method)}; drop {argument('method')}"
        )
