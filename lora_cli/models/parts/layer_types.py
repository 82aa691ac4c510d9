"""The type of each layer, where the layers of a model differ."""

from __future__ import annotations

from collections.abc import Sequence

from lora_cli.errors import InvalidInput, choices, quote
from lora_cli.models.config import Config, key


def layer_types(config: Config, name: str, default: Sequence[str], *, known: Sequence[str] = ()) -> Sequence[str]:
    """Return the type of each layer: `default`, unless the field `name` lists at least as many others.

    Types that are not `known` are refused, if any are.

    >>> layer_types(Config({"mlp_layer_types": ["dense", "sparse"]}), "mlp_layer_types", ["sparse"] * 2)
    ['dense', 'sparse']
    """
    listed = config.items(name)
    if listed is None:
        return default
    if not all(isinstance(each, str) for each in listed):
        raise config.wrong(name, "a list of strings")
    if len(listed) < len(default):
        raise InvalidInput(f"{config.source}: {key(name)} has {len(listed)} entries for {len(default)} layers")
    listed = listed[: len(default)]
    unknown = next((each for each in listed if known and each not in known), None)
    if unknown is not None:
        raise InvalidInput(f"{config.source}: {key(name)} holds {quote(unknown)}; {choices(unknown, known)}")
    return listed
