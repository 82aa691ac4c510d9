"""Which modules are trained whole, and which of a saved module's copies inside another still train.

`peft/utils/other.py`: `_set_trainable`, `ModulesToSaveWrapper`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from lora_cli.errors import InvalidInput, quote_long
from lora_cli.methods.place import Place
from lora_cli.models.model import Model
from lora_cli.models.nodes import around

# What PEFT puts into every layer that it adapts, before it looks for what modules_to_save names.
PARTS = tuple(
    f"lora_{part}{of}"
    for part in ("dropout", "A", "B", "embedding_A", "embedding_B", "magnitude_vector")
    for of in ("", ".default")
)


class Step(NamedTuple):
    """What PEFT does to one module: `copy` it, `train` all of its copy again, or `freeze` it as tied."""

    deed: str
    name: str


@dataclass(frozen=True)
class Saved:
    """The steps in which PEFT copies modules, and so which copies there are and which of them train.

    A module inside a saved one is copied within that copy, which leaves one of the two idle. Entries that
    no module ends with are `unmatched`.
    """

    steps: Sequence[Step] = ()
    unmatched: tuple[str, ...] = ()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The modules that are copied, the outer before the inner."""
        return tuple(step.name for step in self.steps if step.deed == "copy")

    @cached_property
    def tied(self) -> tuple[str, ...]:
        """The modules that follow the copy of the embeddings."""
        return tuple(step.name for step in self.steps if step.deed == "freeze")

    @cached_property
    def _deeds(self) -> Mapping[str, list[tuple[int, str]]]:
        """What is done to each module, with the number of the step."""
        found: dict[str, list[tuple[int, str]]] = {}
        for number, step in enumerate(self.steps):
            found.setdefault(step.name, []).append((number, step.deed))
        return found

    @cached_property
    def _copied(self) -> frozenset[str]:
        return frozenset(self.names)

    def holds(self, name: str) -> bool:
        """Whether a module or a parameter lies inside one that is copied."""
        return not self._copied.isdisjoint(around(name))

    def around(self, inner: str) -> tuple[str, ...]:
        """Return the copied modules that a module or parameter is within, the outer before the inner."""
        return tuple(name for name in around(inner) if name in self._copied)

    def copies(self, parameter: str) -> Iterator[tuple[str, bool]]:
        """Yield, for each copy of a parameter, the module that was copied and whether the copy is trained."""
        chain = self.around(parameter)
        trained = self._trained(chain) if len(chain) > 1 else [True] * len(chain)
        yield from zip(chain, trained, strict=True)

    def _trained(self, chain: tuple[str, ...]) -> list[bool]:
        """Follow the copies of what lies inside all of the chain, from the outermost in."""
        trained: list[bool] = []
        steps = ((number, level, deed) for level, name in enumerate(chain) for number, deed in self._deeds[name])
        for _, level, deed in sorted(steps):
            if deed == "copy":
                trained = [*trained[:-1], False, True] if trained else [True]
            elif deed == "train":
                trained[level] = True
                if level:
                    trained[level - 1] = False
                # A copied child of the module itself hangs beside its copy, anything deeper within it.
                if level + 1 < len(trained) and _parent(chain[level + 1]) != chain[level]:
                    trained[level + 1 :] = [True] * len(trained[level + 1 :])
        return trained


def saved_modules(
    model: Model, names: Sequence[str], entries: Iterable[str], ties: Iterable[str], places: Sequence[Place]
) -> Saved:
    """Return what PEFT copies of the modules `names`: each with such an ending, dot or not.

    Of a saved module's grandchildren it copies none: it takes them for the saved module itself, and
    trains all of that copy once more. `ties` follow the copy of the embeddings.
    """
    entries = tuple(entries)
    if not entries:
        return Saved()
    wrapped = Counter(place.owner for place in places if place.parameter)
    endings = {name: _wrapped_name(name, wrapped) for name in names}
    problem = _problems(model, places, wrapped)
    steps: list[Step] = []
    copied: set[str] = set()
    for deed, wanted in (("copy", entries), ("freeze", tuple(ties))):
        for name in (name for name, ending in endings.items() if ending.endswith(wanted)):
            step = _repeated(name, copied) or Step(deed, name)
            steps.append(step)
            if step.deed != "train" and (found := problem(name)):
                raise InvalidInput(f"modules_to_save reaches {quote_long(name)}, {found}; name others")
            if step.deed == "copy":
                copied.add(name)
    _check_parts(places, wrapped, entries)
    lost = tuple(entry for entry in entries if not any(ending.endswith(entry) for ending in endings.values()))
    return Saved(steps, lost)


def _repeated(name: str, copied: set[str]) -> Step | None:
    """Return the step that trains a copy again, where PEFT finds one two levels up or right here."""
    outer = _parent(_parent(name))
    found = outer if outer in copied else name
    return Step("train", found) if found in copied else None


def _parent(name: str) -> str:
    return name.rpartition(".")[0]


def _problems(model: Model, places: Iterable[Place], wrapped: Mapping[str, int]) -> Callable[[str], str | None]:
    """Return what keeps PEFT from copying a module."""
    owners = frozenset(place.owner for place in places)
    lists = {module.name for module in model.hollow if module.is_list}

    def problem(name: str) -> str | None:
        if name in owners:
            return "which is adapted too"
        if name in lists:
            return "a list of layers, which PEFT cannot copy"
        return "a part of what is adapted too" if _parent(name) in wrapped else None

    return problem


def _check_parts(places: Iterable[Place], wrapped: Mapping[str, int], endings: tuple[str, ...]) -> None:
    for place in places:
        owner = _wrapped_name(place.owner, wrapped)
        part = next((part for part in PARTS if f"{owner}.{part}".endswith(endings)), None)
        if part:
            raise InvalidInput(
                f"modules_to_save reaches {part} too, which PEFT puts into what it adapts and cannot copy; "
                "give more of the name"
            )


def _wrapped_name(name: str, wrapped: Mapping[str, int]) -> str:
    """Return a module's name after PEFT has put what holds an adapted parameter into a wrapper, one for each parameter.

    >>> _wrapped_name("mlp.experts.act_fn", {"mlp.experts": 2})
    'mlp.experts.base_layer.base_layer.act_fn'
    """
    if not wrapped:
        return name
    around, _, leaf = name.rpartition(".")
    return f"{_wrapped_name(around, wrapped)}{'.base_layer' * wrapped.get(around, 0)}.{leaf}" if around else leaf
