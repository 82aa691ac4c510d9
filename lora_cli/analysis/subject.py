"""What is adapted, as a caller names it: the sizes of one matrix, or a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, SupportsIndex

from lora_cli.errors import InvalidInput, argument, quote
from lora_cli.models.matrix import dimension

if TYPE_CHECKING:
    from lora_cli.methods.config.adaptation import Adaptation
    from lora_cli.models.model import Model, Source


class Subject(NamedTuple):
    """A model, or the inputs and outputs of one matrix."""

    model: Model | None
    d: int = 0
    h: int = 0


def read_subject(
    d: SupportsIndex | None, h: SupportsIndex | None, model: Source | None, needed: Sequence[str] = ("d", "h")
) -> Subject:
    """Return the subject that the arguments name; both of them, or neither, raises `InvalidInput`.

    `needed` are the arguments that one matrix takes.
    """
    if model is None:
        return Subject(None, *matrix_sizes(d, h, needed))
    if d is not None or h is not None:
        raise InvalidInput(
            f"{argument('d')} and {argument('h')} describe one matrix, {argument('model')} a whole model; "
            "drop one of them"
        )
    from lora_cli.models.sources.read_model import read_model

    return Subject(read_model(model))


def matrix_sizes(
    d: SupportsIndex | None, h: SupportsIndex | None, needed: Sequence[str] = ("d", "h")
) -> tuple[int, int]:
    """Return the sizes of one matrix, both of which are needed."""
    refuse_name(d)
    if d is None or h is None:
        name = "d" if d is None else "h"
        sizes = ", ".join(map(argument, needed[:-1]))
        raise InvalidInput(
            f"{argument(name)} is missing; give {sizes} and {argument(needed[-1])} for one matrix, "
            f"or {argument('model')} for a model"
        )
    return dimension("d", d), dimension("h", h)


def refuse_name(d: object) -> None:
    """Refuse a text as the first size, where a Python caller may have meant a model."""
    if isinstance(d, str):
        raise InvalidInput(
            f"{argument('d')}: {quote(d)} is not a whole number; for a model, use {argument('model')}={quote(d)}"
        )


def refuse_target(how: Adaptation) -> None:
    """Refuse targets for one matrix, which has no modules to choose among."""
    if how.target is not None:
        raise InvalidInput(f"{argument('target')} names modules of a model; give {argument('model')} too")
