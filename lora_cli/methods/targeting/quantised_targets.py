"""Targets that a quantisation of the base has made other layers of, which most of PEFT's methods refuse.

Each method of PEFT asks for a Linear, or for layers that it has an adapter for: `_create_new_module` of each model in
`peft.tuners`, `peft.utils.quantization_utils.resolve_quantization_backend`.
"""

from __future__ import annotations

from typing import Any

from lora_cli.errors import InvalidInput, quote_long
from lora_cli.methods.method import Method
from lora_cli.methods.registry import METHODS, method_named
from lora_cli.methods.targeting.name_matching import ALL_LINEAR
from lora_cli.models.model import Model
from lora_cli.models.quantised_layers import FIELD, LAYERS, quantisation_method, replaced_linears

UNQUANTISED = "take the model before quantisation"


def check_quantised(name: str, quantisation: str, model: Model, method: Method[Any]) -> None:
    """Refuse a quantised module that PEFT's method has no layer for."""
    if not quantisation or not method.module_kinds or quantisation in method.quantised_layers:
        return
    # Most methods take what is still a Linear, and few what is not.
    able = [] if LAYERS[quantisation].is_linear else sorted(filter(lambda other: _takes(other, quantisation), METHODS))
    others = f", or a method that takes it: {', '.join(able)}" if able else ""
    raise InvalidInput(
        f"target {quote_long(name)} is a layer of {LAYERS[quantisation].title}, as the {FIELD} of "
        f"{quote_long(model.name)} says, and {method.name} does not take it in PEFT; {UNQUANTISED}{others}"
    )


def left_by_all_linear(model: Model) -> str:
    """Return why all-linear does not reach the Linears of a model that a quantisation has replaced, "" where none has."""
    if not replaced_linears(model):
        return ""
    title = LAYERS[quantisation_method(model) or ""].title
    return (
        f"{ALL_LINEAR} means torch's Linear and Conv1D in PEFT, and the {FIELD} of {quote_long(model.name)} makes "
        f"layers of {title} of them; "
    )


def _takes(name: str, quantisation: str) -> bool:
    return quantisation in method_named(name).quantised_layers
