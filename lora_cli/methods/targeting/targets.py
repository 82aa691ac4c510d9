"""Which places of a model a config adapts: PEFT's rules, rule for rule.

`peft/tuners/tuners_utils.py`: `inject_adapter`, `_inject_parameters`; `peft/utils/other.py`:
`set_additional_trainable_modules`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from lora_cli.errors import InvalidInput, quote, quote_long
from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.method import LINEARS, Method
from lora_cli.methods.parts.lora_start import fills_both
from lora_cli.methods.place import Place
from lora_cli.methods.registry import method_named
from lora_cli.methods.targeting.default_targets import EXPERTS, TARGETS
from lora_cli.methods.targeting.full_copies import Saved, saved_modules
from lora_cli.methods.targeting.fused_experts import with_experts
from lora_cli.methods.targeting.layer_replication import replicated
from lora_cli.methods.targeting.name_matching import (
    ALL_LINEAR,
    endings,
    ends_with,
    excluder,
    matcher,
    patient_with,
    ranker,
)
from lora_cli.methods.targeting.patterns import compiled
from lora_cli.methods.targeting.ties import Ties, tie
from lora_cli.methods.targeting.token_rows import Rows, trained_rows
from lora_cli.models.model import Model
from lora_cli.models.nodes import Module, Parameter

# `_check_lora_target_modules_mamba`
MAMBA_TYPES = ("falcon_h1", "mamba", "mamba2", "falcon_mamba", "nemotron_h")
MAMBA_PARTS = ("out_proj", "conv1d")
MAMBA_METHODS = ("lora", "adalora", "xlora", "randlora")

# Where experts are kept as inputs by outputs: `is_transposed` in transformers.
TRANSPOSED_TYPES = ("gpt_oss", "aria", "aria_text", "openai_privacy_filter")


@dataclass(frozen=True)
class Targets:
    """What a config adapts in a model, what it trains whole or by rows, and what in it matched nothing.

    `model` is the one that is adapted: its layers may have been stacked anew. `config` is what PEFT has made
    of the one that was given. The modules `following` the rows of the embeddings are tied with them.
    """

    model: Model
    places: tuple[Place, ...]
    copied: Saved
    rows: tuple[Rows, ...]
    following: tuple[str, ...]
    unmatched: tuple[str, ...]
    config: AdapterConfig

    @property
    def saved(self) -> tuple[str, ...]:
        """The modules that are trained whole, as a copy."""
        return self.copied.names

    @cached_property
    def sharing(self) -> list[Module]:
        """The modules that shared bases are made for, which may be more than those that are adapted.

        PEFT looks for them before it shortens a list of whole names, so that layers_to_transform spares none of
        those yet: `VeraModel._find_dim`, `FrodModel._init_frod_projections`.
        """
        matched, excluded = matcher(self.model, self.config, shortened=False), excluder(self.config)
        return [m for m in self.model.modules if m.kind in LINEARS and matched(m.name) and not excluded(m.name)]


def targets(model: Model, config: AdapterConfig) -> Targets:
    """Return what `config` adapts in `model`, or refuse what PEFT refuses."""
    with patient_with(len(model.nodes)):
        return _targets(model, config)


def _targets(model: Model, config: AdapterConfig) -> Targets:
    method = method_named(config.method)
    if method.prompt_tensors is not None:
        copied = saved_modules(model, model.module_names, config.saved, (), ())
        return Targets(model, (), copied, (), (), _unmatched(config, (), [], copied), config)
    # In PEFT's order: a mixture's targets are rewritten first, and what is missing then is empty.
    asked = config.target_parameters
    if config.method == "lora" and config.target_modules is None and not asked and model.model_type in EXPERTS:
        raise InvalidInput(
            f"PEFT targets nothing by default in {quote(model.model_type)}, whose experts it converts; "
            f"name some (--target): {_offer(model)}"
        )
    config, ties = tie(model, with_experts(model, config))
    config = _with_default_targets(model, config)
    model = replicated(model, config.layer_replication)
    names = model.module_names
    excluded, matched = excluder(config), matcher(model, config)
    chosen = [name for name in names if not ties.adapts(name) and matched(name) and not excluded(name)]
    modules = {module.name: module for module in model.modules}
    following = [name for name in names if ties.adapts(name)]
    for name in (*chosen, *following):
        if not method.skips_unsupported:
            _refuse_module(name, model, modules, method)
    rank = ranker(config)
    # With `skips`, what is left here may be less than what is targeted, and nothing.
    fitting = [name for name in chosen if name in modules and modules[name].kind in method.module_kinds]
    places = (
        [Place(modules[name], rank(name)) for name in fitting]
        if method.module_kinds
        else _whole_places(model, chosen, config.r)
    )
    # PEFT sets this by itself to what the Linear or Conv1D that it adapts last needs.
    kinds = [place.module.kind for place in places if place.module.kind in {"Linear", "Conv1D"}]
    config = replace(config, fan_in_fan_out=kinds[-1] == "Conv1D" if kinds else config.fan_in_fan_out)
    places += _parameter_places(model, config, set(chosen), rank)
    leading = next((place for place in places if place.module.name == model.embeddings), None)
    places += [_following_place(Place(modules[name], rank(name)), leading, ties, config) for name in following]
    if not places and not chosen:
        raise InvalidInput(
            f"no module of {quote_long(model.name)} is targeted by {_described(config)}; {_offer(model)}"
        )
    found = [place.module.name for place in places]
    owners = {place.owner for place in places}
    copied = saved_modules(model, names, config.saved, ties.saved, places)
    rows, ties_of_rows = trained_rows(model, names, config, copied, owners)
    unmatched = _unmatched(config, asked or (), found, copied)
    return Targets(model, tuple(places), copied, rows, ties_of_rows, unmatched, config)


def _refuse_module(name: str, model: Model, modules: Mapping[str, Module], method: Method) -> None:
    if method.name in MAMBA_METHODS and model.model_type in MAMBA_TYPES and name.rpartition(".")[2] in MAMBA_PARTS:
        raise InvalidInput(
            f"target {quote_long(name)} is a part that Mamba computes around, and PEFT refuses it; "
            f"leave out {' and '.join(MAMBA_PARTS)}"
        )
    if method.module_kinds and (name not in modules or modules[name].kind not in method.module_kinds):
        inside = any(module.startswith(f"{name}.") for module in modules)
        raise InvalidInput(
            f"target {quote_long(name)} is no {_listed(method)}, and PEFT adapts nothing else by {method.name}; "
            f"{'name the modules inside it' if inside else 'leave it out'}"
        )


def _following_place(place: Place, leading: Place | None, ties: Ties, config: AdapterConfig) -> Place:
    """Return the place of a module that is tied with the embeddings, whose adapter it takes over, rank and all.

    PEFT does so by a name without dots alone, and where no start gives the adapter other values.
    """
    if place.module.name.rpartition(".")[2] not in ties.targets:
        return place
    if leading is None:
        raise InvalidInput(
            f"ensure_weight_tying adapts {quote_long(place.module.name)} as the embeddings are, and they are not adapted; "
            "do not exclude them"
        )
    return place if fills_both(config) else place._replace(r=leading.r)


def _with_default_targets(model: Model, config: AdapterConfig) -> AdapterConfig:
    if config.target_modules is not None:
        return config
    method = method_named(config.method)
    targets = method.default_targets
    default = (
        targets(model)
        if callable(targets)
        else (TARGETS | dict(targets)).get(model.model_type, method.default_for_unknown_types)
    )
    if default is None and config.target_parameters is None:
        known = f"model type {quote(model.model_type)}" if model.model_type else "a model without a config.json"
        raise InvalidInput(f"PEFT has no default targets for {known}; name some (--target): {_offer(model)}")
    return replace(config, target_modules=() if default is None else default)


def _whole_places(model: Model, chosen: Iterable[str], r: int) -> list[Place]:
    """Return modules of any kind, each with all parameters in it; one inside another is lost to PEFT behind its adapter."""
    inside: dict[str, list[Parameter]] = {name: [] for name in chosen}
    for parameter in model.all_parameters() if inside else ():
        parts = parameter.name.split(".")
        for end in range(1, len(parts)):
            outer = ".".join(parts[:end])
            if outer in inside:
                inside[outer].append(parameter)
    places: list[Place] = []
    for name, parameters in inside.items():
        around = next((place.module.name for place in places if name.startswith(f"{place.module.name}.")), None)
        if around or not parameters:
            problem = f"lies inside {quote_long(around)}, which is adapted too" if around else "holds no parameters"
            raise InvalidInput(f"target {quote_long(name)} {problem}; leave it out")
        # A norm's weight is as wide as what goes in, and as what comes out.
        width = parameters[0].shape[-1]
        module = next((module for module in model.modules if module.name == name), Module(name, width, width, "Other"))
        places.append(Place(module, r, whole=tuple(parameters)))
    return places


def _parameter_places(
    model: Model, config: AdapterConfig, chosen: set[str], rank: Callable[[str], int]
) -> Iterable[Place]:
    wanted = frozenset(config.target_parameters or ())
    for parameter in model.all_parameters() if wanted else ():
        if not ends_with(parameter.name, wanted):
            continue
        owner = parameter.name.rpartition(".")[0]
        _refuse_parameter(parameter, owner, config, chosen)
        experts = parameter.shape[0] if len(parameter.shape) == 3 else 1
        h, d = parameter.shape[-2:]
        if len(parameter.shape) == 3 and model.model_type in TRANSPOSED_TYPES:
            h, d = d, h
        yield Place(Module(parameter.name, d, h, "Parameter"), rank(parameter.name), experts, parameter=True)


def _refuse_parameter(parameter: Parameter, owner: str, config: AdapterConfig, chosen: set[str]) -> None:
    problem = None
    if not owner:
        problem = "stands on the model itself"
    elif owner in chosen:
        problem = "belongs to a module that target_modules adapts too"
    elif len(parameter.shape) not in {2, 3}:
        problem = f"has {len(parameter.shape)} dimensions, and PEFT adapts 2 and 3"
    elif not parameter.params:
        problem = "is empty"
    else:
        for name in ("lora_dropout", "fan_in_fan_out", "lora_bias", "use_dora"):
            if getattr(config, name):
                problem = f"cannot be adapted with {name}"
    if problem:
        raise InvalidInput(f"target parameter {quote_long(parameter.name)} {problem}; leave it out")


def _listed(method: Method) -> str:
    """Return the kinds of modules that a method adapts, in words."""
    return " or ".join(filter(None, (", ".join(method.module_kinds[:-1]), method.module_kinds[-1])))


def _described(config: AdapterConfig) -> str:
    """Return what a config targets, and what else in it may have left nothing of that."""
    wanted = config.target_modules
    if isinstance(wanted, str):
        said = quote_long(wanted) + ("" if wanted.lower() == ALL_LINEAR else ", a regular expression for whole names")
    else:
        said = quote_long(", ".join(wanted)) if wanted else "an empty list"
    filters = ("exclude_modules", "layers_to_transform", "layers_pattern")
    given = [name for name in filters if getattr(config, name) not in {None, ()}]
    given += ["modules_to_save"] if config.saved else []
    return f"{said}, given {' and '.join(given)}" if given else said


def _offer(model: Model) -> str:
    leaves = sorted({module.name.rsplit(".", 1)[-1] for module in model.modules if module.kind in {"Linear", "Conv1D"}})
    return f"targets here are {', '.join(leaves)}"


def _unmatched(config: AdapterConfig, parameters: Iterable[str], found: list[str], copied: Saved) -> tuple[str, ...]:
    met = {ending for name in found for ending in endings(name)}
    lost = [f"target_parameters {quote(entry)}" for entry in parameters if entry not in met]
    if not isinstance(config.target_modules, str):
        excluded = excluder(config)
        lost += [
            f"target_modules {quote(entry)}"
            for entry in config.target_modules or ()
            if entry not in met and not excluded(entry)
        ]
    lost += [
        f"rank_pattern {quote(key)}"
        for key in config.rank_pattern
        if key not in met and not any(compiled(rf"(.*\.)?({key})$").match(name) for name in found)
    ]
    unsaved = frozenset(copied.unmatched)
    lost += [f"modules_to_save {quote(entry)}" for entry in config.modules_to_save if entry in unsaved]
    return tuple(lost)
