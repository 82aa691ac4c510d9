"""Models whose layers stand in stages, each with sizes of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lora_cli.errors import InvalidInput
from lora_cli.models.config import MAX_LAYERS, MAX_SIZE, Config
from lora_cli.models.parts.layers import Nodes, module_list, norm

STEM = "stem"


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


def stage_count(older: str) -> Callable[[Config], int]:
    """Return what reads the number of stages; `older` is another name of the field."""
    return lambda config: config.number("num_hidden_layers", older, default=4, least=1, most=MAX_LAYERS)


def stage_layers(config: Config, *, default: Sequence[int], stages: int = 1) -> list[int]:
    """Return the number of layers of each stage."""
    return stage_sizes(config, "depths", default=default, stages=stages, least=0, most=MAX_LAYERS)


def feature_norms(config: Config, stages: int, widths: Sequence[int]) -> Nodes:
    """Build a norm for each stage whose features a backbone returns. The stem is as wide as the first stage."""
    names, widths = _names(stages), [widths[0], *widths]
    if len(widths) < len(names):
        raise InvalidInput(f"{config.source}: hidden_sizes has no size for {names[len(widths)]}, which depths names")
    norms = (
        norm(f"hidden_states_norms.{names[index]}", widths[index], bias=True) for index in features(config, stages)
    )
    return [*module_list("hidden_states_norms"), *(node for each in norms for node in each)]


def _names(stages: int) -> list[str]:
    return [STEM, *(f"stage{stage}" for stage in range(1, stages + 1))]


def features(config: Config, stages: int) -> list[int]:
    """Return the stages whose features config.json names, or else the last one. Every class refuses wrong ones.

    >>> features(Config({"out_features": ["stage1"]}), 2), features(Config({}), 2)
    ([1], [2])
    """
    names = _names(stages)
    listed, indices = config.items("out_features"), config.items("out_indices")
    known = [name for name in names if listed is not None and name in listed]
    if listed is not None and known != listed:
        raise config.wrong("out_features", f"a list of some of {', '.join(names)}, in this order")
    named = [names.index(name) for name in known]
    if indices is None:
        return [len(names) - 1] if listed is None else named
    if any(type(index) is not int or not -len(names) <= index < len(names) for index in indices):
        raise config.wrong("out_indices", f"a list of whole numbers below {len(names)}")
    found = [index % len(names) for index in indices]
    if found != sorted(set(found)) or (listed is not None and found != named):
        raise config.wrong("out_indices", "a list of different stages in their order, those of out_features")
    return found
