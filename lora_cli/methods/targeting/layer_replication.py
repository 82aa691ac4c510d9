"""Layer replication: a model whose layers are stacked in a new order, some of them more than once (`layer_replication`).

`peft.tuners.tuners_utils.replicate_layers`, which looks for the list of layers where Llama, BERT and Falcon have it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from lora_cli.errors import InvalidInput, quote, quote_long
from lora_cli.models.config import MAX_LAYERS
from lora_cli.models.model import Model
from lora_cli.models.parts.layers import Node, parameters_of, under

LISTS = ("layers", "encoder.layer", "h")
Ranges = Sequence[tuple[int, int]]


def replicate_layers(model: Model, ranges: Ranges) -> Model:
    """Return the model with the layers of the `ranges`, one range after the other; without ranges, the model itself.

    A range is its first layer and the one behind its last. Negative numbers count from the end, as in Python.
    A layer that is taken twice is tied to its first copy. A layer that no range takes is dropped.

    >>> from lora_cli.models.sources.read_model import read_model
    >>> llama = read_model("llama-2-7b")
    >>> taller = replicate_layers(llama, [(0, 24), (8, 32)])
    >>> taller.full_params == llama.full_params, len(taller.modules) - len(llama.modules)
    (True, 112)
    """
    if not ranges:
        return model
    prefix, layers = _layers(model)
    order = _layer_order(ranges, len(layers))
    tied = {name: source for name, source in model.tied.items() if not name.startswith(prefix)}
    tied |= dict(_new_ties(model, prefix, order, layers))
    return replace(model, nodes=tuple(_new_nodes(model, prefix, order, layers)), tied=tied)


def original_name(name: str, ranges: Ranges, count: Callable[[], int]) -> str:
    """Return the name in the base model of what became `name` in the model of the ranges.

    `count` returns the number of layers in the base model, which is asked only where a range counts from the end.

    >>> original_name("model.layers.1.mlp.up_proj", [(2, 3), (0, 2)], lambda: 4)
    'model.layers.0.mlp.up_proj'
    """
    prefix = _prefix([name]) if ranges else None
    if prefix is None:
        return name
    index, _, inner = name.removeprefix(prefix).partition(".")
    order = {str(number): layer for number, layer in enumerate(_stacked(ranges))}
    if index not in order:
        raise InvalidInput(
            f"layer_replication stacks {len(order)} layers, and {quote_long(name)} is in none of them; "
            "give the config that the adapter was trained with"
        )
    layer = order[index]
    return f"{prefix}{layer if layer >= 0 else layer % count()}.{inner}"


def _prefix(names: Iterable[str]) -> str | None:
    """Return what the names of all layers start with, or None where there is no list of layers."""
    names = tuple(names)

    def is_prefix(prefix: str) -> bool:
        return any(name.startswith(prefix) for name in names)

    root = ""
    while is_prefix(f"{root}model."):
        root += "model."
    if is_prefix(f"{root}bert."):
        root += "bert."
    return next((f"{root}{layers}." for layers in LISTS if is_prefix(f"{root}{layers}.")), None)


def _layers(model: Model) -> tuple[str, list[list[Node]]]:
    """Return the prefix of the layers' names, and the nodes of each layer under their names within it."""
    prefix = _prefix(node.name for node in model.nodes)
    layers: dict[str, list[Node]] = {}
    for node in model.nodes:
        if prefix and node.name.startswith(prefix):
            index, _, inner = node.name.removeprefix(prefix).partition(".")
            layers.setdefault(index, []).append(node._replace(name=inner))
    numbers = [str(number) for number in range(len(layers))]
    if not prefix or layers.keys() != {*numbers}:
        raise InvalidInput(
            f"layer_replication finds no list of layers in {quote(model.name)}; PEFT looks for it where Llama, BERT "
            "and Falcon have it; leave layer_replication out"
        )
    return prefix, [layers[number] for number in numbers]


def _layer_order(ranges: Ranges, count: int) -> list[int]:
    """Return the numbers of the layers that the ranges take, in their order."""
    for start, end in ranges:
        if start < end and not -count <= start <= end <= count:
            raise InvalidInput(
                f"layer_replication has the range {quote([start, end])}; the model has layers 0 to {count - 1}, so a range "
                f"must be within 0 and {count}"
            )
    return [layer % count for layer in _stacked(ranges)]


def _stacked(ranges: Ranges) -> list[int]:
    """Return the numbers of the layers as the ranges give them, negative ones too."""
    total = sum(max(end - start, 0) for start, end in ranges)
    if total > MAX_LAYERS:
        raise InvalidInput(f"layer_replication stacks {total} layers; a model has at most {MAX_LAYERS}, so give fewer")
    return [layer for start, end in ranges for layer in range(start, end)]


def _new_nodes(model: Model, prefix: str, order: Sequence[int], layers: Sequence[Sequence[Node]]) -> Iterator[Node]:
    pending = True
    for node in model.nodes:
        if not node.name.startswith(prefix):
            yield node
        elif pending:
            pending = False
            for index, layer in enumerate(order):
                yield from under(f"{prefix}{index}", layers[layer])


def _new_ties(
    model: Model, prefix: str, order: Sequence[int], layers: Sequence[Sequence[Node]]
) -> Iterator[tuple[str, str]]:
    """Yield each parameter of a layer that shares its values, and the first parameter that has them."""
    first: dict[int, int] = {}
    for index, layer in enumerate(order):
        original = first.setdefault(layer, index)
        for parameter in (p for node in layers[layer] for p in parameters_of(node)):
            source = model.tied.get(f"{prefix}{layer}.{parameter.name}")
            if source is not None:
                yield f"{prefix}{index}.{parameter.name}", source
            elif index != original:
                yield f"{prefix}{index}.{parameter.name}", f"{prefix}{original}.{parameter.name}"
