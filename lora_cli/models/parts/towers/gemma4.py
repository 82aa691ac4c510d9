"""What the towers of Gemma 4 share."""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.parts.layers import Nodes, buffer, hollow, linear, under

BOUNDS = ("input_min", "input_max", "output_min", "output_max")


def clippable(name: str, d: int, h: int, *, clipped: bool) -> Nodes:
    """Build `Gemma4ClippableLinear`, which holds a Linear, and the bounds of its values if it is clipped."""
    bounds = [node for bound in BOUNDS for node in buffer(bound)] if clipped else []
    return under(name, linear("linear", d, h), bounds)


def embedder(name: str, d: int, h: int) -> Nodes:
    """Build `Gemma4MultimodalEmbedder` from the width of a tower to that of the text."""
    return under(name, linear("embedding_projection", d, h), hollow("embedding_pre_projection_norm"))


def is_clipped(config: Config, *, default: bool) -> bool:
    """Whether the Linears of a tower are clipped."""
    return config.flag("use_clipped_linears", default=default)
