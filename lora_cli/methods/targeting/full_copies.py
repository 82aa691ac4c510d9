"""Full copies: the modules that PEFT copies and trains whole (`modules_to_save`).

`peft/utils/other.py`: `_set_trainable`, `ModulesToSaveWrapper`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from lora_cli.errors import InvalidInput, quote_long
from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.place import Place
from lora_cli.models.model import Model
from lora_cli.models.nodes import around

# What PEFT puts into every layer that it adapts, before it looks for the names in modules_to_save.
LAYER_PARTS = tuple(
    f"lora_{part}{of}"
    for part in ("dropout", "A", "B", "embedding_A", "embedding_B", "magnitude_vector")
    for of in ("", ".default")
)
# What PEFT puts around the model and around each copy.
WRAPPER_PARTS = ("base_model", "base_model.model", "original_module", "modules_to_save", "modules_to_save.default")
# What PEFT moves an adapted layer itself to, and copies like any other module.
BASE_LAYER = "base_layer"
COPY, TRAIN, FREEZE = "copy", "train", "freeze"


class Step(NamedTuple):
    """What PEFT does to one module: COPY it, TRAIN all of its copy again, or FREEZE it as tied with the embeddings."""

    deed: str
    name: str


@dataclass(frozen=True)
class FullCopies:
    """The steps in which PEFT copies modules. They decide which copies there are and which of them train.

    A module inside a copied one is copied again within that copy, which leaves one of the two idle. `unmatched`
    lists the entries with which no module's name ends.
    """

    steps: Sequence[Step] = ()
    unmatched: tuple[str, ...] = ()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The copied modules, the outer before the inner."""
        return tuple(step.name for step in self.steps if step.deed == COPY)

    @cached_property
    def tied(self) -> tuple[str, ...]:
        """The modules that share the copy of the embeddings."""
        return tuple(step.name for step in self.steps if step.deed == FREEZE)

    @cached_property
    def _deeds(self) -> Mapping[str, list[tuple[int, str]]]:
        """What is done to each module, with the number of the step."""
        deeds: dict[str, list[tuple[int, str]]] = {}
        for number, step in enumerate(self.steps):
            deeds.setdefault(step.name, []).append((number, step.deed))
        return deeds

    @cached_property
    def _name_set(self) -> frozenset[str]:
        return frozenset(self.names)

    def contain(self, name: str) -> bool:
        """Whether a module or a parameter lies inside a copied module."""
        return not self._name_set.isdisjoint(around(name))

    def cover(self, name: str) -> bool:
        """Whether a module is copied, by itself or with one around it."""
        return name in self._name_set or self.contain(name)

    def around(self, inner: str) -> tuple[str, ...]:
        """Return the copied modules that a module or a parameter lies in, the outer before the inner."""
        return tuple(name for name in around(inner) if name in self._name_set)

    def copies(self, parameter: str) -> Iterator[tuple[str, bool]]:
        """Yield, for each copy of a parameter, the module that was copied and whether the copy is trained."""
        chain = self.around(parameter)
        trained = self._trained(chain) if len(chain) > 1 else [True] * len(chain)
        yield from zip(chain, trained, strict=True)

    def _trained(self, chain: tuple[str, ...]) -> list[bool]:
        """Follow the copies of what lies inside all modules of the chain, from the outermost in."""
        trained: list[bool] = []
        steps = ((number, level, deed) for level, name in enumerate(chain) for number, deed in self._deeds[name])
        for _, level, deed in sorted(steps):
            if deed == COPY:
                trained = [*trained[:-1], False, True] if trained else [True]
            elif deed == TRAIN:
                trained[level] = True
                if level:
                    trained[level - 1] = False
                # The copy of a module's own child hangs beside the module's copy; a deeper one hangs within it.
                if level + 1 < len(trained) and _parent(chain[level + 1]) != chain[level]:
                    trained[level + 1 :] = [True] * len(trained[level + 1 :])
        return trained


def find_full_copies(
    model: Model, names: Sequence[str], config: AdapterConfig, ties: Iterable[str], places: Sequence[Place]
) -> FullCopies:
    """Return what PEFT copies of the modules `names`: each whose name ends with an entry, after a dot or not.

    PEFT does not copy the grandchildren of a copied module: it takes them for the module itself, and trains all of
    that copy again. The modules `ties` share the copy of the embeddings.
    """
    entries = tuple(config.full_copy_names)
    if not entries:
        return FullCopies()
    wrappers = Counter(place.owner for place in places if place.parameter)
    wrapped_names = {name: _wrapped_name(name, wrappers) for name in names}
    problem = _problems(model, places, wrappers)
    steps: list[Step] = []
    copied: set[str] = set()
    for deed, endings in ((COPY, entries), (FREEZE, tuple(ties))):
        for name in (name for name, wrapped in wrapped_names.items() if wrapped.endswith(endings)):
            step = _retraining_step(name, copied) or Step(deed, name)
            steps.append(step)
            if step.deed != TRAIN and (reason := problem(name)):
                raise InvalidInput(f"modules_to_save, or the head of task_type, reaches {quote_long(name)}, {reason}")
            if step.deed == COPY:
                copied.add(name)
    _check_layer_parts(places, wrappers, entries)
    check_copied_once((step.name for step in steps), copied, config)
    unmatched = (entry for entry in entries if not any(name.endswith(entry) for name in wrapped_names.values()))
    return FullCopies(steps, tuple(unmatched))


def _retraining_step(name: str, copied: set[str]) -> Step | None:
    """Return the step that trains a copy again, where PEFT finds a copy two levels up or of the module itself."""
    grandparent = _parent(_parent(name))
    again = grandparent if grandparent in copied else name
    return Step(TRAIN, again) if again in copied else None


def check_copied_once(trained: Iterable[str], copied: Collection[str], config: AdapterConfig) -> None:
    """Refuse what PEFT would copy a second time: where a task has a head, it looks for full copies once more.

    Then it finds what is trained inside a copy, and modules of its own.
    """
    if tuple(config.full_copy_names) == tuple(config.modules_to_save):
        return
    fix = f"PEFT copies it anew for task_type {config.task_type}, which is not counted; "
    for name in trained:
        outer = next((outer for outer in around(name) if outer in copied), None)
        if outer:
            raise InvalidInput(
                f"{quote_long(name)} is trained by itself and lies inside {quote_long(outer)}, a full copy; {fix}"
                "train one of the two, or leave task_type out"
            )
    for entry in config.modules_to_save:
        part = next((part for part in WRAPPER_PARTS if part.endswith(entry)), None)
        if part:
            raise InvalidInput(
                f"modules_to_save: {quote_long(entry)} reaches {part} too, which PEFT puts around the model; {fix}"
                "give more of the name, or leave task_type out"
            )


def _parent(name: str) -> str:
    return name.rpartition(".")[0]


def _problems(model: Model, places: Iterable[Place], wrappers: Mapping[str, int]) -> Callable[[str], str | None]:
    """Return a function that says why PEFT cannot copy a module, and what to do."""
    owners = frozenset(owner for place in places for owner in place.owners)
    lists = {module.name for module in model.hollow if module.is_list}

    def problem(name: str) -> str | None:
        if name in owners:
            return "which is adapted too; leave it out of the targets, e.g. by exclude_modules"
        if name in lists:
            return "a list of layers, which PEFT cannot copy; name other modules"
        return "a part of what is adapted too; name other modules" if _parent(name) in wrappers else None

    return problem


def _check_layer_parts(places: Iterable[Place], wrappers: Mapping[str, int], entries: tuple[str, ...]) -> None:
    for place in places:
        owner = _wrapped_name(place.owner, wrappers)
        part = next((part for part in LAYER_PARTS if f"{owner}.{part}".endswith(entries)), None)
        if part:
            raise InvalidInput(
                f"modules_to_save reaches {part} too, which PEFT puts into each adapted module and cannot copy; "
                "give more of the name"
            )
    entry = next((entry for entry in entries if BASE_LAYER.endswith(entry)), None)
    if entry and any(not place.parameter for place in places):
        raise InvalidInput(
            f"modules_to_save: {quote_long(entry)} reaches the {BASE_LAYER} of each adapted module too, which is not "
            "counted; give more of the name"
        )


def _wrapped_name(name: str, wrappers: Mapping[str, int]) -> str:
    """Return a module's name after PEFT has wrapped the owners of adapted parameters, once for each parameter.

    >>> _wrapped_name("mlp.experts.act_fn", {"mlp.experts": 2})
    'mlp.experts.base_layer.base_layer.act_fn'
    """
    if not wrappers:
        return name
    outer, _, leaf = name.rpartition(".")
    return f"{_wrapped_name(outer, wrappers)}{f'.{BASE_LAYER}' * wrappers.get(outer, 0)}.{leaf}" if outer else leaf
