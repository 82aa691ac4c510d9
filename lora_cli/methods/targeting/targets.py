"""What a config adapts in a model, by PEFT's own rules.

`peft/tuners/tuners_utils.py`: `inject_adapter`; `peft/utils/other.py`: `set_additional_trainable_modules`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from lora_cli.errors import InvalidInput, argument, first_few, quote, quote_long
from lora_cli.methods.config.adapter_config import GENERATING_TASKS, AdapterConfig
from lora_cli.methods.config.lora_settings import LoraSettings
from lora_cli.methods.method import LINEARS, Method
from lora_cli.methods.place import Place
from lora_cli.methods.registry import method_named
from lora_cli.methods.targeting.default_targets import TARGETS
from lora_cli.methods.targeting.full_copies import FullCopies, find_full_copies
from lora_cli.methods.targeting.fused_experts import fused_experts, with_experts
from lora_cli.methods.targeting.layer_replication import replicate_layers
from lora_cli.methods.targeting.mamba_parts import check_mamba
from lora_cli.methods.targeting.name_matching import ALL_LINEAR, by_pattern, excluder, is_all_linear, matcher, ranker
from lora_cli.methods.targeting.near_targets import near_targets
from lora_cli.methods.targeting.patterns import matching_time_limit
from lora_cli.methods.targeting.quantised_targets import check_quantised, left_by_all_linear
from lora_cli.methods.targeting.target_parameters import parameter_places
from lora_cli.methods.targeting.token_rows import TokenRows, find_token_rows
from lora_cli.methods.targeting.unmatched_entries import unmatched_entries
from lora_cli.methods.targeting.weight_tying import Ties, tie
from lora_cli.methods.targeting.whole_modules import whole_places
from lora_cli.models.model import Model
from lora_cli.models.nodes import MULTIHEAD, OUTPUT_PROJECTION, Module, short_name
from lora_cli.models.quantised_layers import quantisation_method, quantised_names


@dataclass(frozen=True)
class SharedBases:
    """What the bases that a method shares among modules are made for, which may be more modules than are adapted.

    PEFT looks for these modules before it shortens a list of whole names, so layers_to_transform leaves none of
    them out yet: `VeraModel._find_dim`, `FrodModel._init_frod_projections`.
    """

    model: Model
    config: AdapterConfig

    @cached_property
    def modules(self) -> tuple[Module, ...]:
        """The modules, in the model's order; the rank and the method's own settings do not matter."""
        matched, excluded = matcher(self.model, self.config, shortened=False), excluder(self.config)
        linears = [module for module in self.model.modules if module.kind in LINEARS]
        with matching_time_limit(len(linears)):
            return tuple(m for m in linears if matched(m.name) and not excluded(m.name))


@dataclass(frozen=True)
class Targets:
    """What a config adapts in a model, what it trains whole or by rows, and which of its entries match nothing.

    `model` is the model that is adapted, after any layer replication. `config` is the config after PEFT has
    rewritten it. The modules in `row_ties` are tied with the embeddings and share their trained rows. The
    `copied_targets` are targets that are trained as full copies instead.
    """

    model: Model
    places: tuple[Place, ...]
    full_copies: FullCopies
    rows: tuple[TokenRows, ...]
    row_ties: tuple[str, ...]
    unmatched: tuple[str, ...]
    config: AdapterConfig
    shared_bases: SharedBases = field(compare=False)
    copied_targets: tuple[str, ...] = ()

    @property
    def full_copy_names(self) -> tuple[str, ...]:
        """The modules that are trained as full copies."""
        return self.full_copies.names

    @property
    def shared_modules(self) -> tuple[Module, ...]:
        """The modules that shared bases are made for."""
        return self.shared_bases.modules


def targets(model: Model, config: AdapterConfig) -> Targets:
    """Return what `config` adapts in `model`, or refuse what PEFT refuses."""
    if model.generates is False and config.task_type in GENERATING_TASKS:
        raise InvalidInput(
            f"task_type {config.task_type} needs a model that generates text, and the class of {quote_long(model.name)} "
            "has no prepare_inputs_for_generation; give another task_type, or leave it out"
        )
    with matching_time_limit(len(model.nodes)):
        if method_named(config.method).prompt_tensors is not None:
            return _prompt_targets(model, config)
        return _targets(model, config)


def _prompt_targets(model: Model, config: AdapterConfig) -> Targets:
    """Return the targets of a prompt method, which adapts no module."""
    copies = find_full_copies(model, model.module_names, config, (), ())
    unmatched = tuple(unmatched_entries(config, (), (), copies))
    return Targets(model, (), copies, (), (), unmatched, config, SharedBases(model, config))


def _targets(model: Model, config: AdapterConfig) -> Targets:
    method = method_named(config.method)
    # PEFT first rewrites the targets of a mixture of experts; missing targets are an empty list from then on.
    parameters = config.target_parameters or ()
    if config.target_modules is None and not parameters and fused_experts(model, config):
        raise InvalidInput(
            f"PEFT targets nothing by default in {quote(model.model_type)}, whose experts it converts; "
            f"{_target_advice(model)}"
        )
    takes_all = is_all_linear(config.target_modules)
    config, ties = tie(model, with_experts(model, config))
    config = _with_default_targets(model, config, method)
    model = replicate_layers(model, config.layer_replication)
    names = model.module_names
    excluded, matched = excluder(config), matcher(model, config)
    chosen = [name for name in names if not ties.adapts(name) and matched(name) and not excluded(name)]
    modules = {module.name: module for module in model.modules}
    quantised = dict.fromkeys(quantised_names(model), quantisation_method(model) or "")
    tied = [name for name in names if ties.adapts(name)]
    if not method.skips_unsupported:
        for name in (*chosen, *tied):
            _check_module(name, model, modules, method, takes_all=takes_all)
            check_quantised(name, quantised.get(name, ""), model, method)
    rank = ranker(config)
    # With `skips_unsupported` this may be fewer modules than are targeted, or none.
    supported = [name for name in chosen if name in modules and modules[name].kind in method.module_kinds]
    supported = [name for name in supported if quantised.get(name) in {None, *method.quantised_layers}]
    # PEFT puts a second adapter on the Linear within torch's own attention, and takes all of that for a part of the first.
    again = {f"{name}.{OUTPUT_PROJECTION}" for name in supported if modules[name].kind == MULTIHEAD}
    saved = {name: modules[name].parameters() for name in again}
    places = (
        [
            Place(modules[name], rank(name), saved=saved.get(name, ()), quantised=quantised.get(name, ""))
            for name in supported
        ]
        if method.module_kinds
        else whole_places(model, chosen, config.r)
    )
    # PEFT itself sets this to what the last Linear or Conv1D that it adapts needs.
    kinds = [place.module.kind for place in places if place.module.kind in LINEARS]
    if kinds and isinstance(config.settings, LoraSettings):
        config = replace(config, settings=replace(config.settings, fan_in_fan_out=kinds[-1] == "Conv1D"))
    places += parameter_places(model, config, frozenset(chosen), rank)
    sharing = [Place(modules[name], rank(name)) for name in tied]
    leading = next((place for place in (*places, *sharing) if place.module.name == model.embeddings), None)
    places += [_tied_place(place, leading, ties, config, method) for place in sharing]
    if not places and not chosen:
        near = near_targets(config.target_modules or (), linear_names(model), names)
        why = left_by_all_linear(model) if takes_all else ""
        raise InvalidInput(
            f"no module of {quote_long(model.name)} is targeted by {_target_description(config)}; "
            f"{why}{near}{' ' if near else ''}{_known_targets(model)}"
        )
    _check_alphas(places, config, method)
    copies = find_full_copies(model, names, config, ties.copies, places)
    rows, row_ties = find_token_rows(model, names, config, copies, {place.owner for place in places})
    adapted = [place.module.name for place in places]
    unmatched = unmatched_entries(config, parameters, adapted, copies, lambda: linear_names(model))
    bases = SharedBases(model, config)
    # A target in a copy that is not chosen is one that the copy excludes.
    whole = frozenset(chosen) if copies.names else None
    copied = [name for name in modules if whole is not None and name not in whole and copies.cover(name)]
    copied = [name for name in copied if matched(name)]
    return Targets(model, tuple(places), copies, rows, row_ties, tuple(unmatched), config, bases, tuple(copied))


def _check_module(
    name: str, model: Model, modules: Mapping[str, Module], method: Method[Any], *, takes_all: bool
) -> None:
    """Refuse a module that PEFT cannot adapt by this method."""
    check_mamba(name, model.model_type, method.name)
    if method.module_kinds and (name not in modules or modules[name].kind not in method.module_kinds):
        inside = sorted({short_name(module) for module in modules if module.startswith(f"{name}.")})
        fix = f"name the modules inside it, e.g. {first_few(inside, str)}" if inside else "leave it out"
        if takes_all:
            last = quote(name.rpartition(".")[2])
            fix = f"{ALL_LINEAR} reaches it in PEFT too, because a Linear is called {last}; {_target_advice(model)}"
        raise InvalidInput(
            f"target {quote_long(name)} is not a {_in_words(method.module_kinds)}, and {method.name} adapts "
            f"nothing else in PEFT; {fix}"
        )


def _check_alphas(places: Sequence[Place], config: AdapterConfig, method: Method[Any]) -> None:
    """Refuse a wrong alpha of a place, which changes no count, but which PEFT divides by the rank."""
    alpha = None if method.alpha is None else getattr(config.settings, method.alpha)
    if config.alpha_pattern or isinstance(alpha, InvalidInput):
        alpha_of = by_pattern(config.alpha_pattern, alpha)
        for place in places:
            alpha_of(place.module.name)


def _tied_place(place: Place, leading: Place | None, ties: Ties, config: AdapterConfig, method: Method[Any]) -> Place:
    """Return the place of a module that is tied with the embeddings, whose adapter it takes over, rank included.

    PEFT does this only for a name without dots.
    """
    if place.module.name.rpartition(".")[2] not in ties.targets:
        return place
    if leading is None:
        raise InvalidInput(
            f"ensure_weight_tying adapts {quote_long(place.module.name)} like the embeddings, which are not adapted; "
            "do not exclude them"
        )
    return place if method.keeps_rank_when_tied(config.settings) else place._replace(r=leading.r)


def _with_default_targets(model: Model, config: AdapterConfig, method: Method[Any]) -> AdapterConfig:
    if config.target_modules is not None:
        return config
    own = method.default_targets
    # PEFT looks for a model type, which a class of diffusers does not have.
    unknown = None if model.is_component else method.default_for_unknown_types
    default = own(model) if callable(own) else (TARGETS | dict(own)).get(model.model_type, unknown)
    if default is None and (config.target_parameters is None or model.is_component):
        what = f"of model type {quote(model.model_type)}" if model.model_type else "a model without a config.json"
        raise InvalidInput(f"PEFT has no default targets for {quote_long(model.name)}, {what}; {_target_advice(model)}")
    # PEFT holds its rules for layers against the targets that were given, and a default that is a text against none.
    return replace(config, target_modules=() if default is None else default, layer_rules=frozenset())


def _in_words(kinds: tuple[str, ...]) -> str:
    """Return kinds of modules as alternatives.

    >>> _in_words(("Linear", "Conv1D", "Embedding")), _in_words(("Linear",))
    ('Linear, Conv1D or Embedding', 'Linear')
    """
    return " or ".join(filter(None, (", ".join(kinds[:-1]), kinds[-1])))


def _target_description(config: AdapterConfig) -> str:
    """Return what a config targets, and the other fields that may have left nothing of that."""
    wanted = config.target_modules
    if isinstance(wanted, str):
        said = quote_long(wanted) + ("" if wanted.lower() == ALL_LINEAR else ", a regular expression for whole names")
    else:
        said = quote_long(", ".join(wanted)) if wanted else "an empty list"
    filters = {
        "exclude_modules": config.exclude_modules,
        "layers_to_transform": config.layers_to_transform,
        "layers_pattern": config.layers_pattern,
        "modules_to_save": config.full_copy_names or None,
    }
    used = [name for name, value in filters.items() if value not in {None, ()}]
    return f"{said}, given {' and '.join(used)}" if used else said


def _target_advice(model: Model) -> str:
    return f"name some ({argument('target')}); {_known_targets(model)}"


def linear_names(model: Model) -> list[str]:
    """Return the names by which the linear modules of a model are targeted."""
    return sorted({short_name(module.name) for module in model.modules if module.kind in LINEARS})


def _known_targets(model: Model) -> str:
    leaves = linear_names(model)
    return f"targets here are {', '.join(leaves)}" if leaves else f"it has no {' or '.join(LINEARS)}"
