"""Modules of any kind as targets, each adapted with all the parameters in it."""

from __future__ import annotations

from collections.abc import Iterable

from lora_cli.errors import InvalidInput, quote_long
from lora_cli.methods.place import Place
from lora_cli.models.model import Model
from lora_cli.models.nodes import Module, Parameter, around


def whole_places(model: Model, names: Iterable[str], r: int) -> list[Place]:
    """Return the places of modules of any kind. PEFT cannot reach a module inside another one that is adapted."""
    inside: dict[str, list[Parameter]] = {name: [] for name in names}
    if not inside:
        return []
    for parameter in model.all_parameters():
        for outer in around(parameter.name):
            if outer in inside:
                inside[outer].append(parameter)
    modules = {module.name: module for module in model.modules}
    places: list[Place] = []
    for name, parameters in inside.items():
        outer_place = next((place for place in places if name.startswith(f"{place.module.name}.")), None)
        if outer_place is not None:
            raise InvalidInput(
                f"target {quote_long(name)} lies inside {quote_long(outer_place.module.name)}, which is adapted too; "
                "leave it out"
            )
        if not parameters:
            raise InvalidInput(f"target {quote_long(name)} holds no parameters; leave it out")
        # The weight of a norm is as wide as its input and as its output.
        width = parameters[0].shape[-1]
        module = modules.get(name, Module(name, width, width, "Other"))
        places.append(Place(module, r, whole=tuple(parameters)))
    return places
