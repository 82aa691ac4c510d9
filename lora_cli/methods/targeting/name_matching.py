"""Which names a config means: PEFT's rules for targets, exclusions, layers and patterns.

`peft/tuners/tuners_utils.py`: `check_target_module_exists`, `_maybe_include_all_linear_layers`;
`peft/utils/other.py`: `get_pattern_key`.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping
from typing import TypeVar

from lora_cli.errors import InvalidInput
from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.method import LINEARS
from lora_cli.methods.targeting.name_endings import ends_with
from lora_cli.methods.targeting.patterns import Pattern, entry_pattern, key_pattern, layer_pattern, regular_expression
from lora_cli.methods.targeting.shortened_names import shortened_names
from lora_cli.models.model import Model
from lora_cli.models.quantised_layers import replaced_linears

T = TypeVar("T")

ALL_LINEAR = "all-linear"
# The characters that stand for themselves in a pattern, and the dot, which stands for any character.
PLAIN = frozenset(string.ascii_letters + string.digits + "_.")
CLASSIFIER_HEADS = ("score", "classifier")
# Where `layers_pattern` names no list of layers, the first number behind two parts of a name is a layer's.
ANY_LIST = r".*?\.[^.]*\.(?P<idx>\d+)\."


def all_linear(model: Model, config: AdapterConfig) -> tuple[str, ...]:
    """Return every Linear and Conv1D except the output head, or a classifier's head when the task is to classify.

    What a quantisation has made another layer of is not one.
    """
    head = model.output
    if head is None and config.task_type == "SEQ_CLS":
        first_parts = {module.name.split(".")[0] for module in model.modules}
        head = next((name for name in CLASSIFIER_HEADS if name in first_parts), None)
    others = {head, *replaced_linears(model)}
    return tuple(module.name for module in model.modules if module.kind in LINEARS and module.name not in others)


def excluder(config: AdapterConfig) -> Callable[[str], bool]:
    """Return a function that tells whether a name is left out, by `exclude_modules` or because of a full copy."""
    copies = [entry_pattern(entry) for entry in config.untargeted_copy_names]
    if isinstance(config.exclude_modules, str):
        whole = regular_expression(config.exclude_modules)
        return lambda name: bool(whole.fullmatch(name)) or any(entry.match(name) for entry in copies)
    entries = frozenset(config.exclude_modules)
    return lambda name: ends_with(name, entries) or any(entry.match(name) for entry in copies)


def is_all_linear(wanted: object) -> bool:
    """Whether targets are all Linears, in any case, as PEFT reads it."""
    return isinstance(wanted, str) and wanted.lower() == ALL_LINEAR


def matcher(model: Model, config: AdapterConfig, *, shortened: bool = True) -> Callable[[str], bool]:
    """Return a function that tells whether `target_modules` takes a name.

    PEFT shortens a long list first; `shortened=False` matches the list as it was before.
    """
    wanted = config.target_modules
    if config.layers_to_transform and shortened:
        wanted = wanted if (listed := listed_targets(model, config)) is None else listed
    if isinstance(wanted, str):
        if is_all_linear(wanted):
            # PEFT makes a list of entries of these, which match endings too: a Linear `feature_extractor` on top takes
            # in the module of that name further below.
            linear = frozenset(all_linear(model, config))
            return lambda name: ends_with(name, linear)
        pattern = regular_expression(wanted)
        return lambda name: bool(pattern.fullmatch(name))
    entries = frozenset(wanted or ())
    in_layer = _layer_filter(config)
    # A whole name is taken in any layer; PEFT checks the layer only where the ending of a name matched.
    return lambda name: name in entries or (ends_with(name, entries) and in_layer(name))


def _layer_filter(config: AdapterConfig) -> Callable[[str], bool]:
    layers = frozenset(config.layers_to_transform or ())
    if not layers:
        return lambda _name: True
    patterns = [layer_pattern(name) for name in config.layers_pattern or ()] or [regular_expression(ANY_LIST)]

    def in_layer(name: str) -> bool:
        match = next(filter(None, (pattern.match(name) for pattern in patterns)), None)
        # A user's pattern can match without the layer's number.
        return match is not None and match["idx"] is not None and int(match["idx"]) in layers

    return in_layer


def ranker(config: AdapterConfig) -> Callable[[str], int]:
    """Return a function from a name to its rank, by `rank_pattern` and the config's own r."""
    return by_pattern(config.rank_pattern, config.r)


def by_pattern(values: Mapping[str, T | InvalidInput], default: T | InvalidInput) -> Callable[[str], T]:
    """Return a function from a name to its value in `rank_pattern` or `alpha_pattern`.

    That is the value of the first key that the name ends with, or else the default; an error is raised.

    >>> by_pattern({"q_proj": 4, "layers.0.k_proj": 2}, 8)("model.layers.0.q_proj")
    4
    """
    patterns = [
        (key.rpartition(".")[2] if PLAIN.issuperset(key) else "", key_pattern(key), value)
        for key, value in values.items()
    ]
    candidates: dict[str, list[tuple[Pattern, T | InvalidInput]]] = {}

    def value_of(name: str) -> T:
        # EVA writes a thousand whole names as keys. Those with another last part need not be tried.
        leaf = name.rpartition(".")[2]
        if leaf not in candidates:
            candidates[leaf] = [(pattern, value) for ending, pattern, value in patterns if leaf.endswith(ending)]
        value = next((value for pattern, value in candidates[leaf] if pattern.match(name)), default)
        if isinstance(value, InvalidInput):
            raise value
        return value

    return value_of


def listed_names(model: Model, config: AdapterConfig) -> tuple[str, ...] | None:
    """Return the names and endings in `target_modules`, or None where it is a regular expression."""
    wanted = all_linear(model, config) if is_all_linear(config.target_modules) else config.target_modules
    return None if isinstance(wanted, str) else tuple(wanted or ())


def listed_targets(model: Model, config: AdapterConfig) -> tuple[str, ...] | None:
    """Return the same after PEFT has shortened a long list."""
    listed = listed_names(model, config)
    return None if listed is None else shortened_names(listed, model.module_names)
