"""The small changes by which a configuration may differ from what is believed: a kind is declared once.

A kind yields the values that it may have instead, each with the fields of PEFT's config that it sets and the clause
that says it to people.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from lora_cli.analysis.explain.belief import BIAS, EXCLUDED, LAYERS, SAVED, Belief, Fields
from lora_cli.methods.config.adapter_config import BIASES
from lora_cli.methods.registry import DEFAULT_METHOD, method_named
from lora_cli.methods.variants import VARIANTS, variants_of
from lora_cli.models.model import Model
from lora_cli.models.nodes import short_name
from lora_cli.models.parts.layers import LANGUAGE_MODEL


class Change(NamedTuple):
    """Fields that differ from what is believed, and the clause that says so; without a cause nothing differs.

    Of two changes of one kind the one at the smaller `distance` is the likelier.
    """

    fields: Fields
    cause: str = ""
    distance: int = 0


class Clause(NamedTuple):
    """A part of a cause: what differs from what is believed, or as a fact what nobody said."""

    text: str
    is_fact: bool = False


UNCHANGED = Change({})
# Flags that train more, beside the fields that make a variant.
FLAGS: tuple[Mapping[str, object], ...] = ({"lora_bias": True},)


@dataclass(frozen=True, slots=True)
class Kind:
    """One way in which a configuration differs: what yields its changes, on a model."""

    name: str
    changes: Callable[[Belief, Model], Iterator[Change]]


def _methods(belief: Belief, _: Model) -> Iterator[Change]:
    """Yield the method with one of its variants or flags on or off, and LoRA instead of another method."""
    own = belief.method
    for fields in (*(VARIANTS[name].fields for name in variants_of(own.name)), *FLAGS):
        if own.fields.keys() >= fields.keys():
            yield _flags(belief, fields)
    if own.name != DEFAULT_METHOD:
        dropped = {field: None for field in belief.fields if field in own.fields}
        peft_type = method_named(DEFAULT_METHOD).peft_type
        yield Change(
            {**dropped, "peft_type": peft_type}, f"the method is {DEFAULT_METHOD}, not {belief.config.label}", 1
        )


def _flags(belief: Belief, fields: Mapping[str, object]) -> Change:
    """Return what turns flags on, or off where they are on."""
    settings = belief.config.settings
    names = " and ".join(fields)
    if all(getattr(settings, field) == value for field, value in fields.items()):
        return Change(dict.fromkeys(fields), f"{names} is not applied")
    return Change(fields, f"{names} is on")


def _copies(belief: Belief, model: Model) -> Iterator[Change]:
    """Yield full copies of the head, the embeddings or both, and none where some are believed."""
    if SAVED not in belief.method.shared_fields:
        return
    if belief.fields.get(SAVED):
        yield Change({SAVED: None}, f"{SAVED} is not applied")
    names = [short_name(name) for name in (model.output, model.embeddings) if name]
    for distance, chosen in enumerate([*([name] for name in names), names]):
        if chosen and chosen != list(belief.fields.get(SAVED) or ()):
            copies = "a full copy" if len(chosen) == 1 else "full copies"
            yield Change({SAVED: chosen}, f"{SAVED} trains {copies} of {' and '.join(chosen)}", distance)


def _biases(belief: Belief, _: Model) -> Iterator[Change]:
    """Yield the other values of the field that trains the base model's own biases."""
    if BIAS in belief.method.shared_fields:
        for value in BIASES:
            if value != belief.config.bias:
                yield Change({BIAS: value}, f'bias is "{value}"')


def _parts(belief: Belief, model: Model) -> Iterator[Change]:
    """Yield what keeps to the language model, or to the towers and projectors of a model of several parts."""
    if belief.fields.get(EXCLUDED) or EXCLUDED not in belief.method.shared_fields:
        if belief.fields.get(EXCLUDED):
            yield Change({EXCLUDED: None}, f"{EXCLUDED} is not applied")
        return
    others = [name for name, what in model.parts.items() if what != LANGUAGE_MODEL]
    language = [name for name, what in model.parts.items() if what == LANGUAGE_MODEL]
    if others and language:
        said = " and ".join(f"the {model.parts[name]}" for name in others)
        yield Change(
            {EXCLUDED: _within(others)}, f"{said} are not adapted" if len(others) > 1 else f"{said} is not adapted"
        )
        yield Change({EXCLUDED: _within(language)}, "the language model is not adapted", 1)


def _within(names: Sequence[str]) -> str:
    """Return the regular expression of all modules within some.

    >>> _within(["visual"]), _within(["a", "b"])
    ('visual\\\\..*', '(a|b)\\\\..*')
    """
    inner = names[0] if len(names) == 1 else f"({'|'.join(names)})"
    return rf"{inner}\..*"


def _layers(belief: Belief, _: Model) -> Iterator[Change]:
    """Yield all layers where some are believed. How few there may be instead follows from what is trained (`sizes`)."""
    if belief.is_stated(LAYERS):
        yield Change({LAYERS: None}, f"{LAYERS} is not applied")


# Those that change what each target adds, or which modules may be targets; and those that train something beside them.
SETUPS = (Kind("method", _methods), Kind("parts", _parts), Kind("layers", _layers))
COPIES, BIASES_TRAINED = Kind("copies", _copies), Kind("bias", _biases)
