"""Options that a command takes together, as one parameter.

A group is a NamedTuple whose fields are options, or a class that lists its options itself, with `parameters`. The
registry of commands puts each option of a group on the command line.
"""

from __future__ import annotations

from inspect import Parameter
from typing import Any, get_type_hints


def is_group(annotation: object) -> bool:
    """Whether a parameter of this type stands for a group of options."""
    return isinstance(annotation, type) and (hasattr(annotation, "parameters") or hasattr(annotation, "_fields"))


def group_parameters(group: Any) -> list[Parameter]:
    """Return a parameter for each option of a group."""
    if hasattr(group, "parameters"):
        parameters: list[Parameter] = group.parameters()
        return parameters
    return [
        Parameter(field, Parameter.KEYWORD_ONLY, default=group._field_defaults[field], annotation=hint)
        for field, hint in get_type_hints(group, include_extras=True).items()
    ]
