"""Which places of a model a config adapts: PEFT's rules, rule for rule.

`peft/tuners/tuners_utils.py`: `inject_adapter`, `_inject_parameters`; `peft/utils/other.py`:
`set_additional_trainable_modules`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from lora_cli.errors import InvalidInput, quote
from lora_cli.methods.adapter_config import LoraConfig
from lora_cli.methods.defaults import TARGETS
from lora_cli.methods.experts import with_experts
from lora_cli.methods.matching import ends_with, excluder, matcher, module_names, ranker
from lora_cli.methods.patterns import compiled
from lora_cli.models.model import Model
from lora_cli.models.module import Module, Parameter
from lora_cli.models.patience import patience

# What PEFT puts into every layer that it adapts, before it looks for what modules_to_save names.
PARTS = tuple(
    f"lora_{part}{of}"
    for part in ("dropout", "A", "B", "embedding_A", "embedding_B", "magnitude_vector")
    for of in ("", ".default")
)
PATIENCE_SECONDS = 3.0
# What has rows that can be trained one by one: an embedding, and the head that shares them.
ROWS = ("Embedding", "Linear")


@dataclass(frozen=True, slots=True)
class Place:
    """One adapted place: a module, or a bare parameter (fused experts), and its rank."""

    module: Module
    r: int
    experts: int = 1
    parameter: bool = False

    @property
    def owner(self) -> str:
        """The name of the module that is adapted, or that holds the adapted parameter."""
        return self.module.name.rpartition(".")[0] if self.parameter else self.module.name

    @property
    def full_params(self) -> int:
        """The parameters of the weight that is adapted, all experts together."""
        return self.experts * self.module.weight_params


@dataclass(frozen=True, slots=True)
class Targets:
    """What a config adapts in a model, what it trains whole, and what in it matched nothing."""

    places: tuple[Place, ...]
    saved: tuple[str, ...]
    unmatched: tuple[str, ...]


def targets(model: Model, config: LoraConfig) -> Targets:
    """Return what `config` adapts in `model`, or refuse what PEFT refuses."""
    with patience(
        PATIENCE_SECONDS,
        "a regular expression of the targets, on this model's names,",
        "write it without nested repetition such as (a+)+",
    ):
        return _targets(model, config)


def _targets(model: Model, config: LoraConfig) -> Targets:
    # In PEFT's order: a mixture's targets are rewritten first, and what is missing then is empty.
    config = _with_default_targets(model, with_experts(model, config))
    names = module_names(model)
    excluded, matched = excluder(config), matcher(model, config)
    chosen = [name for name in names if matched(name) and not excluded(name)]
    modules = {module.name: module for module in model.modules}
    for name in chosen:
        if name not in modules:
            inside = any(module.startswith(f"{name}.") for module in modules)
            raise InvalidInput(
                f"target {quote(name)} is no Linear, Conv1D, Embedding, Conv1d or Conv2d, and PEFT adapts nothing else; "
                f"{'name the modules inside it' if inside else 'leave it out'}"
            )
    rank = ranker(config)
    places = [Place(modules[name], rank(name)) for name in chosen]
    # PEFT sets this by itself to what the Linear or Conv1D that it adapts last needs.
    kinds = [place.module.kind for place in places if place.module.kind in {"Linear", "Conv1D"}]
    config = replace(config, fan_in_fan_out=kinds[-1] == "Conv1D" if kinds else config.fan_in_fan_out)
    places += _parameter_places(model, config, set(chosen), rank)
    if not places:
        raise InvalidInput(
            f"no module of {quote(model.name)} is targeted by {quote(_described(config))}; {_offer(model)}"
        )
    found = [place.module.name for place in places]
    owners = {place.owner for place in places}
    saved = _saved(model, config, names, places)
    _check_tokens(model, config, owners)
    return Targets(tuple(places), saved, _unmatched(config, found, saved))


def _with_default_targets(model: Model, config: LoraConfig) -> LoraConfig:
    if config.target_modules is not None:
        return config
    default = TARGETS.get(model.model_type)
    if default is None and config.target_parameters is None:
        known = f"model type {quote(model.model_type)}" if model.model_type else "a model without a config.json"
        raise InvalidInput(f"PEFT has no default targets for {known}; name some (--target): {_offer(model)}")
    return replace(config, target_modules=() if default is None else default)


def _parameter_places(
    model: Model, config: LoraConfig, chosen: set[str], rank: Callable[[str], int]
) -> Iterable[Place]:
    for parameter in model.all_parameters() if config.target_parameters else ():
        if not ends_with(parameter.name, config.target_parameters or ()):
            continue
        owner = parameter.name.rpartition(".")[0]
        _refuse_parameter(parameter, owner, config, chosen)
        experts = parameter.shape[0] if len(parameter.shape) == 3 else 1
        d, h = parameter.shape[-1], parameter.shape[-2]
        yield Place(Module(parameter.name, d, h, "Parameter"), rank(parameter.name), experts, parameter=True)


def _refuse_parameter(parameter: Parameter, owner: str, config: LoraConfig, chosen: set[str]) -> None:
    problem = None
    if not owner:
        problem = "stands on the model itself"
    elif owner in chosen:
        problem = "belongs to a module that target_modules adapts too"
    elif len(parameter.shape) not in {2, 3}:
        problem = f"has {len(parameter.shape)} dimensions, and PEFT adapts 2 and 3"
    else:
        for name in ("lora_dropout", "fan_in_fan_out", "lora_bias", "use_dora"):
            if getattr(config, name):
                problem = f"cannot be adapted with {name}"
    if problem:
        raise InvalidInput(f"target parameter {quote(parameter.name)} {problem}; leave it out")


def _saved(model: Model, config: LoraConfig, names: list[str], places: list[Place]) -> tuple[str, ...]:
    """Return the modules that are trained whole: PEFT takes every name with such an ending, dot or not."""
    endings = tuple(config.saved)
    if not endings:
        return ()
    wrapped = Counter(place.owner for place in places if place.parameter)
    saved = tuple(name for name in names if _wrapped_name(name, wrapped).endswith(endings))
    owners = {place.owner for place in places}
    lists = {module.name for module in model.hollow if module.is_list}
    for name in saved:
        problem = None
        if name in owners:
            problem = "which is adapted too"
        elif name in lists:
            problem = "a list of layers, which PEFT cannot copy"
        elif name.rpartition(".")[0] in wrapped:
            problem = "a part of what is adapted too"
        if problem:
            raise InvalidInput(f"modules_to_save reaches {quote(name)}, {problem}; name others")
    for place in places:
        owner = _wrapped_name(place.owner, wrapped)
        part = next((part for part in PARTS if f"{owner}.{part}".endswith(endings)), None)
        if part:
            raise InvalidInput(
                f"modules_to_save reaches {part} too, which PEFT puts into what it adapts and cannot copy; "
                "give more of the name"
            )
    return saved


def _wrapped_name(name: str, wrapped: Mapping[str, int]) -> str:
    """Return a module's name after PEFT has put what holds an adapted parameter into a wrapper, one for each parameter.

    >>> _wrapped_name("mlp.experts.act_fn", {"mlp.experts": 2})
    'mlp.experts.base_layer.base_layer.act_fn'
    """
    if not wrapped:
        return name
    around, _, leaf = name.rpartition(".")
    return f"{_wrapped_name(around, wrapped)}{'.base_layer' * wrapped.get(around, 0)}.{leaf}" if around else leaf


def _check_tokens(model: Model, config: LoraConfig, owners: set[str]) -> None:
    for entry, tokens in config.trainable_token_indices.items():
        ending = entry or model.embeddings or ""
        rows = [_rows(module) for module in model.modules if module.name.endswith(ending) and module.kind in ROWS]
        for token in tokens:
            if rows and not -min(rows) <= token < min(rows):
                raise InvalidInput(
                    f"trainable_token_indices: {token} is not among the {min(rows)} rows of {quote(ending)}; give others"
                )
        if not rows:
            raise InvalidInput(f"trainable_token_indices trains rows of an embedding, and {quote(ending)} is none here")
        if any(name.endswith(ending) for name in owners):
            raise InvalidInput(
                f"trainable_token_indices trains rows of {quote(ending)}, which is adapted too; leave one out"
            )
        if ending in config.saved:
            raise InvalidInput(
                f"trainable_token_indices trains rows of {quote(ending)}, which is saved whole; leave one out"
            )


def _rows(module: Module) -> int:
    return module.d if module.kind == "Embedding" else module.h


def _described(config: LoraConfig) -> str:
    wanted = config.target_modules
    return wanted if isinstance(wanted, str) else ", ".join(wanted or ())


def _offer(model: Model) -> str:
    leaves = sorted({module.name.rsplit(".", 1)[-1] for module in model.modules if module.kind in {"Linear", "Conv1D"}})
    return f"targets here are {', '.join(leaves)}"


def _unmatched(config: LoraConfig, found: list[str], saved: tuple[str, ...]) -> tuple[str, ...]:
    lost = []
    if not isinstance(config.target_modules, str):
        lost += [
            f"target_modules {quote(entry)}"
            for entry in config.target_modules or ()
            if not any(ends_with(n, [entry]) for n in found)
        ]
    lost += [
        f"rank_pattern {quote(key)}"
        for key in config.rank_pattern
        if not any(compiled(rf"(.*\.)?({key})$").match(name) for name in found)
    ]
    lost += [
        f"modules_to_save {quote(entry)}"
        for entry in config.modules_to_save
        if not any(n.endswith(entry) for n in saved)
    ]
    return tuple(lost)
