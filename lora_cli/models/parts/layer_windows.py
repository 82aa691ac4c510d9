"""How far each layer of a decoder looks back: `layer_types` of config.json, and what classes make of a missing one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lora_cli.models.config import Config
from lora_cli.models.parts.layer_types import ATTENTION, SLIDING, layer_kinds


def layer_windows(
    config: Config, layers: int, window: int | None, slides: Callable[[int], bool]
) -> Sequence[int | None]:
    """Return the window of each layer, None where it sees all; `slides` says which have one by default.

    >>> config = Config({"layer_types": ["full_attention", "sliding_attention"]})
    >>> layer_windows(config, 2, 128, lambda index: True)
    [None, 128]
    """
    kinds = layer_kinds(
        config,
        "layer_types",
        layers=layers,
        known=(ATTENTION, SLIDING),
        default=lambda index: SLIDING if slides(index) else ATTENTION,
    )
    return [window if kind == SLIDING else None for kind in kinds]


def all_but_every(pattern: int) -> Callable[[int], bool]:
    """Return a function that says of a layer whether it is not the last of each `pattern` layers.

    >>> [all_but_every(3)(index) for index in range(4)]
    [True, True, False, True]
    """
    return lambda index: bool((index + 1) % pattern)


def sliding_but_every(pattern: int) -> Callable[[int], str]:
    """Return a function for the type of a layer, which has a window unless it is the last of each `pattern` layers.

    >>> [sliding_but_every(2)(index) for index in range(3)]
    ['sliding_attention', 'full_attention', 'sliding_attention']
    """
    slides = all_but_every(pattern)
    return lambda index: SLIDING if slides(index) else ATTENTION


def optional_window(config: Config, default: int | None) -> int | None:
    """Return `sliding_window`, None where it is null.

    >>> optional_window(Config({}), 4096), optional_window(Config({"sliding_window": None}), 4096)
    (4096, None)
    """
    missing = default if "sliding_window" not in config.fields else None
    return config.size("sliding_window", default=missing or 0) or None


def switched_windows(config: Config, layers: int, *, first: int = 28) -> Sequence[int | None]:
    """Return the windows of Qwen's layers, which slide from `max_window_layers` on if `use_sliding_window` is true.

    `first` is the default of `max_window_layers`.
    """
    window = optional_window(config, 4096) if config.flag("use_sliding_window", default=False) else None
    first = config.number("max_window_layers", default=first)
    return layer_windows(config, layers, window, lambda index: window is not None and index >= first)
