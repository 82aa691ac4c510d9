"""Read an adapter_config.json, or the same fields from options, into an `AdapterConfig`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from lora_cli.errors import InvalidInput, near_miss, quote
from lora_cli.methods.config import peft_fields
from lora_cli.methods.config.adapter_config import EVERYWHERE, PATTERNS, TARGETING, AdapterConfig
from lora_cli.methods.config.peft_fields import Names
from lora_cli.methods.config.settings import not_null, read_settings
from lora_cli.methods.method import Method
from lora_cli.methods.registry import DEFAULT_METHOD, METHODS, method_named
from lora_cli.methods.variants import variant_of
from lora_cli.models.config import Config

T = TypeVar("T")
D = TypeVar("D")

# The fields by which a config of another program is recognised, which is called adapter_config.json too.
OTHER_WRITERS = {"mlx-lm": frozenset({"fine_tune_type", "lora_parameters"})}
Remarks = tuple[str, ...]


def read_adapter_config(config: Config, label: str | None = None) -> tuple[AdapterConfig, list[str]]:
    """Return the config that an adapter_config.json holds, and the names of its unknown fields.

    Without a `label` it is labelled with the name of its variant (LoRA with use_dora is dora) or of its method.
    """
    if config.fields.get("peft_type") is None:
        return _read(config, *_untyped(config, label))
    peft_type = config.text("peft_type", default="")
    name = peft_type.lower()
    if name not in METHODS or peft_type != name.upper():
        known = near_miss(peft_type.upper(), map(str.upper, METHODS), "`lora-cli methods` lists all methods")
        raise InvalidInput(f"{config.source}: peft_type {quote(peft_type)} is not known; {known}")
    return _read(config, method_named(name), label)


def no_peft_type(config: Config) -> InvalidInput:
    """Return the error for a config that PEFT does not load, because it does not name its method."""
    writer = next((name for name, own in OTHER_WRITERS.items() if not own.isdisjoint(config.fields)), None)
    if writer is not None:
        return InvalidInput(
            f"{config.source} is a config of {writer}, which PEFT refuses; give a config that PEFT wrote"
        )
    return InvalidInput(f'{config.source} has no peft_type, so PEFT refuses it; add it, e.g. "peft_type": "LORA"')


def _untyped(config: Config, label: str | None) -> tuple[Method[Any], str | None, Remarks]:
    """Return the method of a config without a peft_type: the one that is named beside it.

    One that holds nothing but targets is of the default method, with a remark; any other is refused, as PEFT does.
    """
    if label is not None:
        return method_named(label), label, ()
    if not config.fields.keys() <= TARGETING | EVERYWHERE:
        raise no_peft_type(config)
    method = method_named(DEFAULT_METHOD)
    remark = f"{config.source} has no peft_type, without which PEFT does not load it; counted as {method.peft_type}"
    return method, label, (remark,)


def _read(
    config: Config, method: Method[Any], label: str | None, remarks: Remarks = ()
) -> tuple[AdapterConfig, list[str]]:
    own_fields = method.fields.keys()
    shared = method.shared_fields | ({"r"} if method.rank is not None else set())
    for pattern in PATTERNS:
        if config.fields.get(pattern) and pattern not in shared | own_fields:
            raise InvalidInput(f"{config.source}: method {method.name} has no {pattern}; leave it out")
    not_null(config, *method.never_null)

    def read(field: str, reader: Callable[[Config, str], T], default: D) -> T | D:
        return reader(config, field) if field in shared and config.fields.get(field) is not None else default

    own = read_settings(method.settings, config)
    saved = config.fields.get("modules_to_save")
    if isinstance(saved, str) and saved:
        remarks += (
            f"{config.source}: modules_to_save is the text {quote(saved)}, whose letters PEFT takes for ends of names; write a list",
        )
    no_values: dict[str, Any] = {}
    return (
        AdapterConfig(
            r=_rank(config, method, own),
            target_modules=read("target_modules", peft_fields.names_or_text, None),
            exclude_modules=read("exclude_modules", peft_fields.names_or_text, None) or (),
            layers_to_transform=read("layers_to_transform", peft_fields.layers, None),
            layers_pattern=read("layers_pattern", peft_fields.names, None),
            layer_replication=read("layer_replication", peft_fields.ranges, ()),
            rank_pattern=read("rank_pattern", peft_fields.ranks, no_values),
            alpha_pattern=read("alpha_pattern", peft_fields.scales, no_values),
            modules_to_save=read("modules_to_save", _names, ()),
            target_parameters=read("target_parameters", peft_fields.names, None) or None,
            trainable_token_indices=read("trainable_token_indices", peft_fields.tokens, None),
            ensure_weight_tying=config.flag("ensure_weight_tying", default=False)
            if "ensure_weight_tying" in shared
            else False,
            bias=config.text("bias", default="none") if "bias" in shared else "none",
            task_type=None if config.fields.get("task_type") is None else config.text("task_type", default=""),
            method=method.name,
            settings=own,
            label=(label or variant_of(method.name, own) or method.name).lower(),
            layer_rules=method.layer_rules,
            has_task_heads=method.has_task_heads,
            remarks=remarks,
            given=config.fields,
        ),
        sorted(field for field in config.fields if field not in shared | own_fields | EVERYWHERE),
    )


def _names(config: Config, name: str) -> Names:
    """Return a list of names; of a text its letters, as in Python."""
    value = config.fields.get(name)
    return tuple(value) if isinstance(value, str) else peft_fields.names(config, name) or ()


def _rank(config: Config, method: Method[Any], own: object) -> int:
    if method.own_rank is not None:
        return method.own_rank(own)
    return 0 if method.rank is None else config.size("r", default=method.rank)
