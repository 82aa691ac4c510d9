"""Models whose layers stand in stages, each with sizes of its own."""

from __future__ import annotations

from collections.abc import Sequence

from lora_cli.errors import InvalidInput
from lora_cli.models.config import MAX_LAYERS, MAX_SIZE, Config


def stage_sizes(
    config: Config, name: str, *, default: Sequence[int], stages: int = 1, least: int = 1, most: int = MAX_SIZE
) -> list[int]:
    """Return a list of sizes, of which `stages` are used.

    >>> stage_sizes(Config({"hidden_sizes": [32, 64]}), "hidden_sizes", default=(), stages=2)
    [32, 64]
    """
    sizes = list(default) if config.fields.get(name) is None else config.items(name) or []
    if any(type(size) is not int or not least <= size <= most for size in sizes):
        raise config.wrong(name, f"a list of whole numbers from {least} to {most}")
    if len(sizes) < stages:
        raise InvalidInput(
            f"{config.source}: {name} is {sizes}; it must have a number for each stage, at least {stages}"
        )
    return sizes


def stage_layers(config: Config, *, default: Sequence[int], stages: int = 1) -> list[int]:
    """Return the number of layers of each stage."""
    return stage_sizes(config, "depths", default=default, stages=stages, least=0, most=MAX_LAYERS)
