"""What the declaration of a trainer is made of: the meaning of each of its fields.

A part says from which fields of a recipe one argument of a count or of a training follows, and how. A doubt is a field
that changes an answer in a way that is not followed here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from lora_cli.models.config import Config

if TYPE_CHECKING:
    from lora_cli.models.model import Model

Read = Callable[[Config], Any]
# The method of a recipe that trains every weight.
FULL = "full"
# What the memory of a training assumes for an attention and an optimizer that are not modelled.
ASSUMED_ATTENTION, ASSUMED_OPTIMIZER = "sdpa", "adamw"


class NotFollowed(Exception):
    """A value of a field that is not followed here, so that the answer leaves it out.

    `takes_less` says that a training with it takes no more memory than what is assumed instead.
    """

    def __init__(self, field_name: str, reason: str, *, takes_less: bool = False) -> None:
        super().__init__(reason)
        self.field = field_name
        self.reason = reason
        self.takes_less = takes_less


class Part(NamedTuple):
    """The fields that an argument follows from, the deciding one first, and how; None says nothing.

    `deciding` returns those of them that decide in a recipe, where that depends on its other fields.
    """

    fields: tuple[str, ...]
    read: Read
    deciding: Callable[[Config], tuple[str, ...]] | None = None


class Targets(NamedTuple):
    """The same for the targets, which may depend on the model, and what the trainer targets where no field names any."""

    fields: tuple[str, ...]
    read: Callable[[Config, Model], str | list[str] | None]
    default: str | None = None
    deciding: Callable[[Config], tuple[str, ...]] | None = None


class Doubt(NamedTuple):
    """What a field changes that is not followed here, unless it has one of the `harmless` values or none.

    `is_default` says whether the trainer sets it where a recipe does not have it, and `takes_less` that a training with it
    takes no more memory, None that it may take more or less.
    """

    what: str
    harmless: tuple[Any, ...] = ()
    is_default: Callable[[Config], bool] | None = None
    takes_less: bool | None = False


@dataclass(frozen=True, slots=True, eq=False)
class Trainer:
    """How a trainer names the base model, the adapter and the training, with the trainer's own defaults.

    `arguments` are by the names of `Adaptation` (r, alpha), `settings` by those of PEFT's config, and `training` by the
    keywords of `lora_cli.memory`. `doubts` change any answer, `training_doubts` that of memory. `inert` are names, and
    starts of names that end in `*`, of fields that change no answer. `programs` are those of its command line, and its
    module. `other_layouts` are fields of its recipes of another layout that is not read, with what that is and what to
    give instead. `remark` is what the memory of a training rests on.
    """

    name: str
    model: Part
    method: Part
    targets: Targets
    arguments: Mapping[str, Part]
    settings: Mapping[str, Part]
    training: Mapping[str, Part]
    doubts: Mapping[str, Doubt]
    training_doubts: Mapping[str, Doubt]
    inert: frozenset[str]
    programs: frozenset[str]
    revision: Part | None = None
    remark: str | None = None
    other_layouts: Mapping[str, str] = field(default_factory=dict)

    @property
    def telling(self) -> frozenset[str]:
        """The fields that change an answer."""
        return self.read_for(training=True)

    def read_for(self, *, training: bool, without: Collection[str] = ()) -> frozenset[str]:
        """Return the fields that change an answer, which may be about the training too, `without` those of some arguments."""
        named = [*self.arguments.items(), *self.settings.items(), *(self.training.items() if training else ())]
        parts: Iterable[Part | Targets | None] = (
            self.model,
            self.revision,
            self.method,
            self.targets,
            *(part for name, part in named if name not in without),
        )
        used = (name for part in parts if part is not None for name in part.fields)
        return frozenset((*used, *self.doubts, *(self.training_doubts if training else ())))

    @property
    def names(self) -> frozenset[str]:
        """The fields that are known by their whole names."""
        return self.telling | self.inert

    def knows(self, name: str) -> bool:
        """Whether a field is known, if only by the start of its name."""
        starts = tuple(start[:-1] for start in self.inert if start.endswith("*"))
        return name in self.names or name.startswith(starts)


def number(*names: str, default: int | None = None) -> Part:
    """Read a whole number above 0 under one of its names."""

    def read(recipe: Config) -> int | None:
        return recipe.size(*names, default=default or 1) if default or _has(recipe, names) else None

    return Part(names, read)


def _has(recipe: Config, names: tuple[str, ...]) -> bool:
    return any(recipe.fields.get(name) is not None for name in names)


def above_zero(name: str, default: float | None = None) -> Part:
    """Read a number above 0."""

    def read(recipe: Config) -> float | None:
        if default is None and not _has(recipe, (name,)):
            return None
        value = _real(recipe, name, float(default or 0.0))
        if value <= 0:
            raise recipe.wrong(name, "a number above 0")
        return int(value) if value.is_integer() else value

    return Part((name,), read)


def _real(recipe: Config, name: str, default: float) -> float:
    """Read a number, or the text of one: YAML 1.1 has 5e-2 as a text, which every trainer makes a number of."""
    value = recipe.fields.get(name)
    if isinstance(value, str):
        with suppress(ValueError):
            recipe = Config({**recipe.fields, name: float(value)}, recipe.source)
    return recipe.real(name, default=default)


def dropout(name: str, default: float = 0.0) -> Part:
    """Read a probability of dropout, which says something only where it is not 0, PEFT's own default."""

    def read(recipe: Config) -> float | None:
        value = _real(recipe, name, default)
        if not 0 <= value <= 1:
            raise recipe.wrong(name, "a number from 0 to 1")
        return value or None

    return Part((name,), read)


def text(name: str, *aliases: str) -> Part:
    """Read a text; an empty one is none."""
    return Part((name, *aliases), lambda recipe: recipe.text(name, *aliases, default="") or None)


def switch(name: str, *, default: bool = False, of: bool = True) -> Part:
    """Read a flag that says something only where it differs from PEFT's own default, which is not `of`."""
    return Part((name,), lambda recipe: of if recipe.flag(name, default=default) is of else None)


class StandIn(str):
    """A value that a training is replayed with in place of the recipe's own, which takes as much memory."""


def choice(name: str, meanings: Mapping[Any, Any], default: Any = None, assumed: str | None = None) -> Part:
    """Read a field whose values mean what the mapping says; any other is not modelled, and what memory has is assumed."""

    def read(recipe: Config) -> Any:
        value = recipe.fields.get(name)
        value = default if value is None else value
        try:
            return None if value is None else meanings[value]
        except (KeyError, TypeError):
            instead = "" if assumed is None else f"; {assumed} is assumed"
            raise NotFollowed(name, f"is not modelled{instead}", takes_less=assumed == ASSUMED_ATTENTION) from None

    return Part((name,), read)


def given(name: str) -> Part:
    """Pass a field on as it is, as a field of PEFT's config, which checks it."""
    return Part((name,), lambda recipe: recipe.fields.get(name) or None)


def names_of(name: str) -> Part:
    """Read a list of names, which may be a text with commas."""
    return Part((name,), lambda recipe: listed(recipe, name) or None)


def listed(recipe: Config, name: str) -> list[str]:
    """Return the names of a list, or of a text with commas between them.

    >>> listed(Config({"lora_target": "q_proj, v_proj"}), "lora_target")
    ['q_proj', 'v_proj']
    """
    value = recipe.fields.get(name)
    names = value.split(",") if isinstance(value, str) else [] if value is None else value
    if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
        raise recipe.wrong(name, "names, e.g. q_proj,v_proj")
    return [each.strip() for each in names if each.strip()]


def words(*texts: str) -> frozenset[str]:
    """Return the words of texts as a set of names."""
    return frozenset(word for each in texts for word in each.split())
