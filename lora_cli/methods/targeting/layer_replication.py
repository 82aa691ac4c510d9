"""A model whose layers are stacked anew, some more than once, with shared weights.

`peft.tuners.tuners_utils.replicate_layers`, which looks for a list of layers in the places where
Llama, BERT and Falcon have theirs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from lora_cli.errors import InvalidInput, quote
from lora_cli.models.config import MAX_LAYERS
from lora_cli.models.model import Model, parameters_of
from lora_cli.models.parts.layers import Node, under

LISTS = ("layers", "encoder.layer", "h")
Ranges = Sequence[tuple[int, int]]


def replicated(model: Model, ranges: Ranges) -> Model:
    """Return the model whose layers are those of the `ranges`, one range after the other.

    A range is its first layer and the one behind its last; negative ones count from the end, as in
    Python. A layer taken twice is tied to its first copy, one that no range takes is gone. No ranges
    leave the model as it is.

    >>> from lora_cli.models.sources.read_model import read_model
    >>> llama = read_model("llama-2-7b")
    >>> taller = replicated(llama, [(0, 24), (8, 32)])
    >>> taller.full_params == llama.full_params, len(taller.modules) - len(llama.modules)
    (True, 112)
    """
    if not ranges:
        return model
    prefix, layers = _layers(model)
    taken = _taken(ranges, len(layers))
    tied = {name: source for name, source in model.tied.items() if not name.startswith(prefix)}
    tied |= dict(_shared(model, prefix, taken, layers))
    return replace(model, nodes=tuple(_stacked(model, prefix, taken, layers)), tied=tied)


def _prefix(model: Model) -> str | None:
    """Return what the names of all layers start with, or None where there are none."""
    names = [node.name for node in model.nodes]

    def there(prefix: str) -> bool:
        return any(name.startswith(prefix) for name in names)

    root = ""
    while there(f"{root}model."):
        root += "model."
    if there(f"{root}bert."):
        root += "bert."
    return next((f"{root}{layers}." for layers in LISTS if there(f"{root}{layers}.")), None)


def _layers(model: Model) -> tuple[str, list[list[Node]]]:
    """Return the prefix of the layers' names, and the nodes of each layer, named as they are in it."""
    prefix = _prefix(model)
    layers: dict[str, list[Node]] = {}
    for node in model.nodes:
        if prefix and node.name.startswith(prefix):
            index, _, inner = node.name.removeprefix(prefix).partition(".")
            layers.setdefault(index, []).append(node._replace(name=inner))
    numbers = [str(number) for number in range(len(layers))]
    if not prefix or layers.keys() != {*numbers}:
        raise InvalidInput(
            f"layer_replication finds no list of layers in {quote(model.name)}; PEFT looks where Llama, BERT and Falcon "
            "have theirs; leave it out"
        )
    return prefix, [layers[number] for number in numbers]


def _taken(ranges: Ranges, count: int) -> list[int]:
    """Return the layers that the ranges take, in their order."""
    for start, end in ranges:
        if start < end and not -count <= start <= end <= count:
            raise InvalidInput(
                f"layer_replication has the range {quote([start, end])}; the model has layers 0 to {count - 1}, so a range "
                f"runs from 0 or more to {count} or less"
            )
    total = sum(max(end - start, 0) for start, end in ranges)
    if total > MAX_LAYERS:
        raise InvalidInput(f"layer_replication stacks {total} layers; a model has at most {MAX_LAYERS}, so give fewer")
    return [layer % count for start, end in ranges for layer in range(start, end)]


def _stacked(model: Model, prefix: str, taken: Sequence[int], layers: Sequence[Sequence[Node]]) -> Iterator[Node]:
    pending = True
    for node in model.nodes:
        if not node.name.startswith(prefix):
            yield node
        elif pending:
            pending = False
            for index, layer in enumerate(taken):
                yield from under(f"{prefix}{index}", layers[layer])


def _shared(
    model: Model, prefix: str, taken: Sequence[int], layers: Sequence[Sequence[Node]]
) -> Iterator[tuple[str, str]]:
    """Yield each parameter of a layer that shares its values, and the first that has them."""
    first: dict[int, int] = {}
    for index, layer in enumerate(taken):
        original = first.setdefault(layer, index)
        for parameter in (p for node in layers[layer] for p in parameters_of(node)):
            source = model.tied.get(f"{prefix}{layer}.{parameter.name}")
            if source is not None:
                yield f"{prefix}{index}.{parameter.name}", source
            elif index != original:
                yield f"{prefix}{index}.{parameter.name}", f"{prefix}{original}.{parameter.name}"
