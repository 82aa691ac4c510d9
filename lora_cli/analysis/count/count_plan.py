"""What a config adapts on a model, before its tensors are made: what a count and a search for a size share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.method import Method
from lora_cli.methods.place import Place
from lora_cli.methods.registry import method_named
from lora_cli.methods.targeting.patterns import matching_time_limit
from lora_cli.methods.targeting.resizing import resize_targets
from lora_cli.methods.targeting.targets import Targets, targets
from lora_cli.methods.tensor import Tensor
from lora_cli.models.model import Model
from lora_cli.models.nodes import around

Added = tuple[tuple[Place, tuple[Tensor, ...]], ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """A config on a model: the places that it adapts, and the method's own settings once these are known."""

    subject: Model
    config: AdapterConfig
    method: Method[Any]
    targets: Targets
    settings: Any

    def __reduce__(self) -> tuple[object, ...]:
        # A method's declaration holds functions, so a plan is pickled as what it is made from.
        return make_plan, (self.subject, self.config)

    @property
    def config_fields(self) -> dict[str, Any]:
        """The adapter_config.json that says the same: the fields that were given, and what PEFT chose beside them."""
        fields = {name: value for name, value in self.config.given.items() if value is not None}
        fields["peft_type"] = self.method.peft_type
        if self.method.rank is not None:
            fields["r"] = self.config.r
        names = self.targets.config.target_modules
        if names is not None and "target_modules" in self.method.shared_fields:
            fields.setdefault("target_modules", names if isinstance(names, str) else list(names))
        return fields

    def resized(self, config: AdapterConfig) -> Plan:
        """Return the plan of a config that differs only in its rank and settings, without a new search for places."""
        return _plan(self.subject, config, resize_targets(self.targets, self.subject, config))


def make_plan(model: Model, config: AdapterConfig) -> Plan:
    """Return what a config adapts on a model; a config that PEFT refuses raises `InvalidInput`."""
    return _plan(model, config, targets(model, config))


def _plan(model: Model, config: AdapterConfig, found: Targets) -> Plan:
    method = method_named(config.method)
    return Plan(model, config, method, found, method.resolved(found, config.settings, config))


def plan_tensors(plan: Plan) -> tuple[Added, tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Return the tensors beside each place, those shared by all places, and those of a prompt."""
    # Some methods have patterns of their own.
    with matching_time_limit(len(plan.targets.places)):
        return _plan_tensors(plan)


def _plan_tensors(plan: Plan) -> tuple[Added, tuple[Tensor, ...], tuple[Tensor, ...]]:
    method, settings = plan.method, plan.settings
    shared = () if method.shared_tensors is None else tuple(method.shared_tensors(plan.targets.places, settings))
    prompts = () if method.prompt_tensors is None else tuple(method.prompt_tensors(plan.subject, settings, plan.config))
    return _added(plan), shared, prompts


def _added(plan: Plan) -> Added:
    """Return the tensors beside each place; a large model has few shapes, and those are made once."""
    method, settings = plan.method, plan.settings
    if not method.same_for_same_shape(settings):
        return tuple((place, tuple(method.tensors(place, settings))) for place in plan.targets.places)
    made: dict[tuple[object, ...], tuple[Tensor, ...]] = {}
    added = []
    for place in plan.targets.places:
        shape = (*place.module[1:], *place[1:])
        if shape not in made:
            made[shape] = tuple(method.tensors(place, settings))
        added.append((place, made[shape]))
    return tuple(added)


def freed_biases(plan: Plan) -> dict[str, int]:
    """Return the parameters of each bias of the base model that is trained (`bias`), tied ones under one name."""
    if plan.config.bias == "none":
        return {}
    model, whole = plan.targets.model, plan.targets.full_copies
    owners = {owner for place in plan.targets.places for owner in place.owners}
    frozen, tied = frozenset((*whole.names, *whole.tied)), model.tied
    # What a copy was made of stays frozen, under each of its names.
    copied = {tied.get(p.name, p.name) for p in model.all_parameters() if not frozen.isdisjoint(around(p.name))}
    freed = {
        tied.get(p.name, p.name): p.params
        for p in model.all_parameters()
        if p.name.rpartition(".")[2] == "bias"
        if plan.config.bias == "all" or p.name.rpartition(".")[0] in owners
    }
    return {name: params for name, params in freed.items() if name not in copied}
