"""Read an adapter_config.json, or the same fields from options, into an `AdapterConfig`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from lora_cli.errors import InvalidInput, near_miss, quote
from lora_cli.methods.config import peft_fields
from lora_cli.methods.config.adapter_config import EVERYWHERE, AdapterConfig
from lora_cli.methods.config.peft_fields import Names
from lora_cli.methods.config.settings import not_null, read_settings
from lora_cli.methods.method import Method
from lora_cli.methods.registry import METHODS, method_named
from lora_cli.models.config import Config

T = TypeVar("T")
D = TypeVar("D")

PATTERNS = ("rank_pattern", "alpha_pattern")


def read_adapter_config(config: Config, label: str | None = None) -> tuple[AdapterConfig, list[str]]:
    """Return the config that an adapter_config.json holds, and the names of its unknown fields.

    Without a `label` it is labelled with the name of its variant (LoRA with use_dora is dora) or of its method.
    """
    not_null(config, "peft_type")
    peft_type = config.text("peft_type", default="LORA")
    name = peft_type.lower()
    if name not in METHODS or peft_type != name.upper():
        known = near_miss(peft_type.upper(), map(str.upper, METHODS), "`lora-cli methods` lists all methods")
        raise InvalidInput(f"{config.source}: peft_type {quote(peft_type)} is not known; {known}")
    return _read(config, method_named(name), label)


def _read(config: Config, method: Method[Any], label: str | None) -> tuple[AdapterConfig, list[str]]:
    own_fields = method.fields.keys()
    shared = method.shared_fields | ({"r"} if method.rank is not None else set())
    for pattern in PATTERNS:
        if config.fields.get(pattern) and pattern not in shared | own_fields:
            raise InvalidInput(f"{config.source}: method {method.name} has no {pattern}; leave it out")
    not_null(config, *method.never_null)

    def read(field: str, reader: Callable[[Config, str], T], default: D) -> T | D:
        return reader(config, field) if field in shared and config.fields.get(field) is not None else default

    own = read_settings(method.settings, config)
    no_ranks: dict[str, int] = {}
    variant = None if method.variant is None else method.variant(own)
    return (
        AdapterConfig(
            r=_rank(config, method, own),
            target_modules=read("target_modules", peft_fields.names_or_text, None),
            exclude_modules=read("exclude_modules", peft_fields.names_or_text, None) or (),
            layers_to_transform=read("layers_to_transform", peft_fields.numbers, None),
            layers_pattern=read("layers_pattern", peft_fields.names, None),
            layer_replication=read("layer_replication", peft_fields.ranges, ()),
            rank_pattern=read("rank_pattern", peft_fields.ranks, no_ranks),
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
            label=(label or variant or method.name).lower(),
            layer_rules=method.layer_rules,
            has_task_heads=method.has_task_heads,
        ),
        sorted(field for field in config.fields if field not in shared | own_fields | EVERYWHERE),
    )


def _names(config: Config, name: str) -> Names:
    return peft_fields.names(config, name) or ()


def _rank(config: Config, method: Method[Any], own: object) -> int:
    if method.own_rank is not None:
        return method.own_rank(own)
    return 0 if method.rank is None else config.size("r", default=method.rank)
