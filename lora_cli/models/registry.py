"""The model families by `model_type`, the classes of diffusers, and the skeleton that a config.json describes.

The family of a model type is `FAMILY` in the file of `architectures` that has its name, with `_` for `-`. A class of
diffusers is `COMPONENT` in the file that has its name in small letters, `_` aside. Only the wanted file is imported.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from types import MappingProxyType

from lora_cli.errors import InvalidInput, argument, choices, first_few, near_miss, quote
from lora_cli.models.config import Config
from lora_cli.models.family import Component, Family
from lora_cli.models.files import as_recipe
from lora_cli.models.parts.layers import Skeleton

PACKAGE = "lora_cli.models.architectures"
FOLDER = os.path.join(os.path.dirname(__file__), "architectures")
# Where the classes of diffusers are; every other folder has model types of transformers.
COMPONENTS = f"{PACKAGE}.diffusion."
MAX_MODEL_TYPE_CHARACTERS = 60
MODEL_TYPE_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
# Each layer has an activation module. Two of transformers' activations have parameters.
ACTIVATIONS = ("hidden_act", "hidden_activation", "activation_function", "activation", "feed_forward_proj")
TRAINED_ACTIVATIONS = ("prelu", "xielu")
# Fields by which trainers name a base model, or how it is adapted; no config.json has them.
RECIPE_FIELDS = frozenset(("base_model", "model_name_or_path", "tuner_type", "train_type"))


class UnknownArchitecture(InvalidInput):
    """A model without a family here. Another source may still know its modules."""


@cache
def modules() -> Mapping[str, str]:
    """Return the module of each family by the name of its file.

    >>> modules()["xlm_roberta"]
    'lora_cli.models.architectures.encoders.xlm_roberta'
    """
    found = {}
    for folder, _, files in os.walk(FOLDER):
        package = ".".join([PACKAGE, *os.path.relpath(folder, FOLDER).split(os.sep)])
        stems = [file.removesuffix(".py") for file in files if file.endswith(".py") and not file.startswith("_")]
        found.update({stem: f"{package}.{stem}" for stem in stems})
    return MappingProxyType(found)


def model_types() -> list[str]:
    """Return the model types of all families, sorted. This imports every family."""
    return sorted(_family(module).model_type for module in modules().values() if not module.startswith(COMPONENTS))


def class_names() -> list[str]:
    """Return the classes of diffusers that are known, sorted. This imports the file of each."""
    return sorted(_component(module).class_name for module in modules().values() if module.startswith(COMPONENTS))


def find_family(model_type: str) -> Family | None:
    """Return the family of a `model_type`, which can be any text, or None if there is none.

    >>> find_family("llama").model_type, find_family("../llama")
    ('llama', None)
    """
    if len(model_type) > MAX_MODEL_TYPE_CHARACTERS or not MODEL_TYPE_CHARACTERS.issuperset(model_type):
        return None
    module = modules().get(model_type.replace("-", "_"))
    if module is None or module.startswith(COMPONENTS):
        return None
    found = _family(module)
    return found if found.model_type == model_type else None


def family(model_type: str) -> Family:
    """Return the family of a `model_type`.

    >>> next(iter(family("llama").classes))
    'LlamaForCausalLM'
    >>> family("llamma")
    Traceback (most recent call last):
    lora_cli.models.registry.UnknownArchitecture: model_type 'llamma' is not known; did you mean llama, mllama or llama4?
    """
    found = find_family(model_type)
    if found is None:
        types = model_types()
        hint = near_miss(model_type, types, f"the known types are {first_few(types, str)}")
        raise UnknownArchitecture(f"model_type {quote(model_type)} is not known; {hint}")
    return found


def component(class_name: str) -> Component:
    """Return the class of diffusers that is called `class_name`, which can be any text.

    >>> component("FluxTransformer2DModel").class_name
    'FluxTransformer2DModel'
    >>> component("UNet2DCondition")
    Traceback (most recent call last):
    lora_cli.models.registry.UnknownArchitecture: _class_name 'UNet2DCondition' is not known; did you mean UNet2DConditionModel?
    """
    by_letters = {stem.replace("_", ""): module for stem, module in modules().items() if module.startswith(COMPONENTS)}
    module = by_letters.get(class_name.lower())
    if module is None or (found := _component(module)).class_name != class_name:
        known = class_names()
        hint = near_miss(class_name, known, f"the known classes are {', '.join(known)}")
        raise UnknownArchitecture(f"_class_name {quote(class_name)} is not known; {hint}")
    return found


def _family(module: str) -> Family:
    declared = import_module(module).FAMILY
    assert isinstance(declared, Family)
    return declared


def _component(module: str) -> Component:
    declared = import_module(module).COMPONENT
    assert isinstance(declared, Component)
    return declared


def skeleton(config: Config) -> tuple[str, Skeleton]:
    """Return the name of the class that a config.json describes, and its skeleton."""
    model_type = config.text("model_type", default="")
    if not model_type:
        if component_name := config.text("_class_name", default=""):
            return component_name, _built(component_name, config)
        instead = "give a model's config.json"
        if "peft_type" in config.fields:
            instead += f"; an adapter's config goes to {argument('adapter')}"
        elif not RECIPE_FIELDS.isdisjoint(config.fields):
            instead = as_recipe()
        raise InvalidInput(f"{config.source}: model_type is missing, so this is not a model's config; {instead}")
    classes = _family_of(config).classes
    name = class_name(config, classes)
    if not isinstance(name, str) or name not in classes:
        known = choices(name if isinstance(name, str) else "", list(classes))
        raise UnknownArchitecture(
            f"{config.source}: {quote(name)} in architectures is not known for {model_type}; {known}"
        )
    return name, classes[name](config)


def class_name(config: Config, classes: Iterable[str]) -> object:
    """Return what a config.json names as the class of the model, the first of the `classes` where it names none."""
    named = config.items("architectures")
    return named[0] if named else next(iter(classes))


def _built(class_name: str, config: Config) -> Skeleton:
    try:
        found = component(class_name)
    except UnknownArchitecture as unknown:
        raise UnknownArchitecture(f"{config.source}: {unknown}") from unknown
    for name, known in found.known.items():
        value = config.fields.get(name, known[0])
        for each in value if isinstance(value, list) else [value]:
            if each not in known:
                raise UnknownArchitecture(f"{config.source}: {name} {quote(each)} is not supported yet")
    return found.build(config)


def body(config: Config, *, headed: bool = False) -> Skeleton:
    """Return what the section of a config.json describes: the body of its model type, or the class that generates."""
    found = _family_of(config)
    build = found.generating if headed else found.body
    if build is None:
        raise UnknownArchitecture(
            f"{config.source}: model_type {quote(found.model_type)} is not a part of other models"
        )
    return build(config)


def hidden_size(config: Config) -> int:
    """Return the width of the body that a section describes."""
    sizes = _family_of(config).sizes
    if sizes.hidden is None:
        raise UnknownArchitecture(f"{config.source}: the width of {quote(config.fields['model_type'])} is not known")
    return config.size(*sizes.hidden_names, default=sizes.hidden)


def _family_of(config: Config) -> Family:
    """Return the family of a config or of a section; what no family is prepared for is refused."""
    try:
        found = family(config.text("model_type", default=""))
    except UnknownArchitecture as unknown:
        raise UnknownArchitecture(f"{config.source}: {unknown}") from unknown
    if config.fields.get("per_layer_config") and found.sizes.widest is None:
        raise UnknownArchitecture(f"{config.source}: per_layer_config makes layers differ, which is not supported yet")
    for field in found.required:
        if config.fields.get(field) is None:
            raise InvalidInput(
                f"{config.source}: {field} is missing; model_type {found.model_type} has no default for it"
            )
    for activation in () if found.trained_activations else ACTIVATIONS:
        if config.fields.get(activation) in TRAINED_ACTIVATIONS:
            raise UnknownArchitecture(
                f"{config.source}: {activation} {quote(config.fields[activation])} has parameters, which is not supported yet"
            )
    return found
