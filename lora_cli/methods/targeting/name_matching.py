"""PEFT's rules for which names a config means.

`peft/tuners/tuners_utils.py`: `check_target_module_exists`, `_maybe_include_all_linear_layers`;
`peft/utils/other.py`: `get_pattern_key`.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager
from typing import TypeVar

from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.targeting.patterns import compiled
from lora_cli.methods.targeting.shortened_names import condensed
from lora_cli.models.model import Model
from lora_cli.time_limit import patience

T = TypeVar("T")

# A pattern that ends at all takes a fraction of this for as many names.
PATIENCE_SECONDS = 3.0
PATIENT_NAMES_A_SECOND = 20_000
ALL_LINEAR = "all-linear"
# What stands for itself in a pattern, and the dot, which stands for anything.
PLAIN = frozenset(string.ascii_letters + string.digits + "_.")
CLASSIFIER_HEADS = ("score", "classifier")


def patient_with(names: int) -> AbstractContextManager[None]:
    """Give the matching inside as long as so many names may take."""
    return patience(
        PATIENCE_SECONDS + names / PATIENT_NAMES_A_SECOND,
        "matching the names and patterns of the config with the model's names",
        "give fewer, or write patterns without nested repetition such as (a+)+",
    )


def all_linear(model: Model, config: AdapterConfig) -> tuple[str, ...]:
    """Return every Linear and Conv1D but the output head, or a classifier's when the task is to classify."""
    spared = model.output
    if spared is None and config.task_type == "SEQ_CLS":
        heads = {module.name for module in model.modules}
        spared = next((name for name in CLASSIFIER_HEADS if any(head.split(".")[0] == name for head in heads)), None)
    return tuple(
        module.name for module in model.modules if module.kind in {"Linear", "Conv1D"} and module.name != spared
    )


def endings(name: str) -> Iterator[str]:
    """Yield a name, and what follows each of its dots.

    >>> list(endings("0.mlp.up_proj"))
    ['0.mlp.up_proj', 'mlp.up_proj', 'up_proj']
    """
    yield name
    dot = name.find(".")
    while dot >= 0:
        yield name[dot + 1 :]
        dot = name.find(".", dot + 1)


def ends_with(name: str, entries: AbstractSet[str]) -> bool:
    """Whether a name is one of the entries, or ends with a dot and one."""
    return any(ending in entries for ending in endings(name))


def excluder(config: AdapterConfig) -> Callable[[str], bool]:
    """Return whether a name is left out: by `exclude_modules`, or because it is saved whole."""
    saved = [compiled(rf"(^|.*\.){entry}($|\..*)") for entry in config.saved]
    if isinstance(config.exclude_modules, str):
        whole = compiled(config.exclude_modules)
        return lambda name: bool(whole.fullmatch(name)) or any(entry.match(name) for entry in saved)
    entries = frozenset(config.exclude_modules)
    return lambda name: ends_with(name, entries) or any(entry.match(name) for entry in saved)


def _is_all_linear(wanted: object) -> bool:
    return isinstance(wanted, str) and wanted.lower() == ALL_LINEAR


def matcher(model: Model, config: AdapterConfig, *, shortened: bool = True) -> Callable[[str], bool]:
    """Return whether `target_modules` takes a name, after PEFT has shortened a long list or before."""
    wanted = config.target_modules
    if config.layers_to_transform and shortened:
        wanted = wanted if (listed := listed_targets(model, config)) is None else listed
    if isinstance(wanted, str):
        if _is_all_linear(wanted):
            linear = frozenset(all_linear(model, config))
            # PEFT makes entries of these, which endings match too; a Linear's whole name is no other's ending.
            return lambda name: name in linear
        pattern = compiled(wanted)
        return lambda name: bool(pattern.fullmatch(name))
    entries = frozenset(wanted or ())
    in_layer = _layer_filter(config)
    # A whole name is taken in any layer; PEFT looks at layers where a name's ending matched.
    return lambda name: name in entries or (ends_with(name, entries) and in_layer(name))


def _layer_filter(config: AdapterConfig) -> Callable[[str], bool]:
    layers = frozenset(config.layers_to_transform or ())
    if not layers:
        return lambda _name: True
    texts = [rf"(?:^|.*?\.){pattern}\.(?P<idx>\d+)\." for pattern in config.layers_pattern or ()]
    patterns = [compiled(text) for text in texts or [r".*?\.[^.]*\.(?P<idx>\d+)\."]]

    def in_layer(name: str) -> bool:
        match = next(filter(None, (pattern.match(name) for pattern in patterns)), None)
        # A pattern of the user's can match beside the index.
        return match is not None and match["idx"] is not None and int(match["idx"]) in layers

    return in_layer


def ranker(config: AdapterConfig) -> Callable[[str], int]:
    """Return the rank of a name: the first pattern that matches, or the config's own."""
    return by_pattern(config.rank_pattern, config.r)


def by_pattern(values: Mapping[str, T], default: T) -> Callable[[str], T]:
    """Return a name's value in `rank_pattern` or `alpha_pattern`: the first key that it ends with, or the default.

    >>> by_pattern({"q_proj": 4, "layers.0.k_proj": 2}, 8)("model.layers.0.q_proj")
    4
    """
    patterns = [
        (key.rpartition(".")[2] if PLAIN.issuperset(key) else "", compiled(rf"(.*\.)?({key})$"), value)
        for key, value in values.items()
    ]
    candidates: dict[str, list[tuple[re.Pattern[str], T]]] = {}

    def found(name: str) -> T:
        # Of a thousand whole names, as EVA writes them, those that end otherwise are not tried.
        leaf = name.rpartition(".")[2]
        if leaf not in candidates:
            candidates[leaf] = [(pattern, value) for ending, pattern, value in patterns if leaf.endswith(ending)]
        return next((value for pattern, value in candidates[leaf] if pattern.match(name)), default)

    return found


def listed_targets(model: Model, config: AdapterConfig) -> tuple[str, ...] | None:
    """Return the names and endings that `target_modules` has once PEFT has matched it, or None where it is a text."""
    wanted = all_linear(model, config) if _is_all_linear(config.target_modules) else config.target_modules
    return None if isinstance(wanted, str) else condensed(wanted or (), model.module_names)
