"""The kind of each layer, where the layers of a model differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lora_cli.errors import InvalidInput, choices, quote
from lora_cli.models.config import Config, key

ATTENTION, SLIDING = "full_attention", "sliding_attention"
STATE = "linear_attention"
# What older config.json files call them.
RENAMED = {"mamba": STATE, "attention": ATTENTION}


def layer_kinds(
    config: Config,
    *names: str,
    layers: int,
    known: Sequence[str] = (STATE, ATTENTION),
    default: Callable[[int], str] | None = None,
) -> list[str]:
    """Return the kind of each layer: from the list of one of these `names`, or by `default` from the layer's index.

    Without a `default` there must be such a list. It has an entry for each layer.

    >>> layer_kinds(Config({"layer_types": ["mamba", "attention"]}), "layer_types", layers=2, default=lambda _: STATE)
    ['linear_attention', 'full_attention']
    """
    written = config.items(*names)
    if written is None:
        if default is None:
            raise config.wrong(names[0], "a list with the kind of each layer")
        return [default(index) for index in range(layers)]
    if len(written) != layers:
        raise _of_other_length(config, names[0], len(written), layers)
    return _of_known(config, names[0], [RENAMED.get(str(kind), kind) for kind in written], known)


def layer_types(config: Config, name: str, default: Sequence[str], *, known: Sequence[str] = ()) -> Sequence[str]:
    """Return the type of each layer: `default`, unless the field `name` lists at least as many others.

    A longer list is read only as far as there are layers. Types that are not `known` are refused, if any are.

    >>> layer_types(Config({"mlp_layer_types": ["dense", "sparse"]}), "mlp_layer_types", ["sparse"] * 2)
    ['dense', 'sparse']
    """
    listed = config.items(name)
    if listed is None:
        return default
    if not all(isinstance(each, str) for each in listed):
        raise config.wrong(name, "a list of strings")
    if len(listed) < len(default):
        raise _of_other_length(config, name, len(listed), len(default))
    return _of_known(config, name, listed[: len(default)], known or listed)


def _of_other_length(config: Config, name: str, length: int, layers: int) -> InvalidInput:
    return InvalidInput(
        f"{config.source}: {key(name)} has length {length}; it must have an entry for each of the {layers} layers"
    )


def _of_known(config: Config, name: str, kinds: list[str], known: Sequence[str]) -> list[str]:
    """Return the `kinds`, all of which must be `known`."""
    unknown = next((kind for kind in kinds if kind not in known), None)
    if unknown is not None:
        raise InvalidInput(
            f"{config.source}: {key(name)} has {quote(unknown)}, which this model has no layer for; {choices(unknown, known)}"
        )
    return kinds
