"""Other base models that make the figure of all parameters: presets, and the same model resized or with a class head."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

from lora_cli.analysis.explain.counting_ways import COUNTING_WAYS, CountingWay
from lora_cli.analysis.explain.printed_count import Figure, PrintedCount
from lora_cli.errors import InvalidInput, first_few
from lora_cli.models.config import Config
from lora_cli.models.model import Model, read_config
from lora_cli.models.parts.layers import Node
from lora_cli.models.registry import find_family

# The fields of a config.json that hold the size of the vocabulary, and the number of layers.
VOCABULARY = ("vocab_size",)
DEPTH = ("num_hidden_layers", "n_layer", "num_layers", "n_layers")
# Tokenizers add some tokens, and trainers round up to a multiple of 64 or 128; no more than this share of all is added.
MOST_TOKENS = 1 / 8
# A model may be cut, or stacked anew to twice its layers.
MOST_LAYERS = 1.0
# The ends of the names of transformers' classes with a head that PEFT trains whole, by its task.
CLASSIFYING = {"SEQ_CLS": "ForSequenceClassification", "TOKEN_CLS": "ForTokenClassification"}
FEWEST_LABELS, MOST_LABELS = 1, 1000


class Base(NamedTuple):
    """A base model, the clause that says which it is, empty for the believed one, and whether another was believed.

    One that `is_resized` has sizes that its source does not have. `fields` are those of PEFT's config that go with it.
    """

    model: Model
    cause: str = ""
    is_change: bool = False
    is_resized: bool = False
    fields: Mapping[str, str] = MappingProxyType({})


def frozen_figures(printed: PrintedCount) -> Iterator[tuple[CountingWay, Figure]]:
    """Yield what each way of counting must make of the base, so that the figure of all parameters is the printed one."""
    if printed.all is not None:
        for way in COUNTING_WAYS:
            adapter = printed.trainable.times(way.trained_divisor)
            yield way, printed.all.less(adapter) if way.adds_adapter else printed.all


def presets(printed: PrintedCount, known: Model | None) -> Iterator[Base]:
    """Yield the bundled models that make the figure of all parameters, one of those with the same modules."""
    from lora_cli.models.sources.preset import names, read_preset

    wanted = list(frozen_figures(printed))
    found: dict[tuple[Node, ...], list[Model]] = {}
    for name in names():
        model = read_preset(name)
        # No way makes more than twice of a base, nor less than an eighth.
        near = [
            (way, each)
            for way, each in wanted
            if each.low <= 2 * model.full_params and model.full_params <= 9 * each.high
        ]
        if any(figure.has(way.base(model)) for way, figure in near):
            found.setdefault(model.nodes, []).append(model)
    for nodes, models in found.items():
        if known is None or nodes != known.nodes:
            first, *others = [model.name for model in models]
            same = f" (or {first_few(others, str)}, of the same sizes)" if others else ""
            instead = "" if known is None else f", not {known.name}"
            yield Base(models[0], f"the base is {first}{same}{instead}", is_change=known is not None)


def resized(model: Model, printed: PrintedCount) -> Iterator[Base]:
    """Yield the model with another vocabulary, or with fewer or more layers."""
    for names, noun, share in (
        (VOCABULARY, "a vocabulary of {:,} tokens", MOST_TOKENS),
        (DEPTH, "{:,} layers", MOST_LAYERS),
    ):
        size = _size(model, names)
        next_model = None if size is None else _with_size(model, names, size + 1) or _with_size(model, names, size - 1)
        if size is None or next_model is None:
            continue
        step = 1 if _size(next_model, names) == size + 1 else -1
        for number in dict.fromkeys(_solutions(model, next_model, step, printed)):
            other = _with_size(model, names, size + number) if 0 < abs(number) <= share * size else None
            if other is not None:
                yield Base(
                    other, f"the base has {noun.format(size + number)}, not {size:,}", is_change=True, is_resized=True
                )


def classified(model: Model, printed: PrintedCount) -> Iterator[Base]:
    """Yield the model with a head that tells classes apart, which PEFT trains whole for such a task."""
    family = None if model.config is None else find_family(model.model_type)
    if model.config is None or family is None:
        return
    for task, ending in CLASSIFYING.items():
        name = next((name for name in family.classes if name.endswith(ending)), None)
        if name is None:
            continue
        with_labels = partial(_with_labels, model.config, model.name, name)
        fewest, next_model = (with_labels(FEWEST_LABELS + step) for step in (0, 1))
        for number in dict.fromkeys(_solutions(fewest, next_model, 1, printed)):
            labels = FEWEST_LABELS + number
            if 0 <= number < MOST_LABELS:
                plural = "label" if labels == 1 else "labels"
                cause = f"the model has a head of {labels} {plural} ({ending}), which {task} trains whole"
                yield Base(with_labels(labels), cause, is_change=True, is_resized=True, fields={"task_type": task})


def _with_labels(config: Config, name: str, class_name: str, labels: int) -> Model:
    """Return the model of a config as a class of its family with so many labels."""
    own = {"architectures": [class_name], "num_labels": labels, "id2label": None, "label2id": None}
    return read_config(Config({**config.fields, **own}, config.source), name)


def _solutions(model: Model, next_model: Model, step: int, printed: PrintedCount) -> Iterator[int]:
    """Yield by how much the size differs, where a step of it adds what lies between two models."""
    for way, figure in frozen_figures(printed):
        base = way.base(model)
        each = step * (way.base(next_model) - base)
        if each > 0:
            least = -((base - figure.low) // each)
            yield from range(least, min((figure.high - base) // each, least + 1) + 1)


def _section(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of the model that writes."""
    text = fields.get("text_config")
    return text if isinstance(text, dict) else fields


def _size(model: Model, names: tuple[str, ...]) -> int | None:
    if model.config is None:
        return None
    section = _section(dict(model.config.fields))
    return next((section[name] for name in names if isinstance(section.get(name), int)), None)


def _with_size(model: Model, names: tuple[str, ...], size: int) -> Model | None:
    """Return the model with another size in its config.json, with lists of layers as long as that; None if it is refused."""
    if model.config is None or size < 1:
        return None
    # What a caller holds must not change.
    fields: dict[str, Any] = json.loads(json.dumps(dict(model.config.fields)))
    section = _section(fields)
    name = next(name for name in names if isinstance(section.get(name), int))
    for field, value in section.items():
        if isinstance(value, list) and len(value) == section[name] > 1:
            section[field] = (value * 2)[:size] if size <= 2 * len(value) else value
    section[name] = size
    try:
        return read_config(Config(fields, model.config.source), model.name)
    except InvalidInput:
        return None
