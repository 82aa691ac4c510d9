"""What connects a tower to a text decoder, as several models have it."""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.parts.layers import Nodes, hollow, linear, under

PROJECTOR = "multi_modal_projector"


def two_linears(d: int, inner: int, h: int, *, bias: bool = True) -> Nodes:
    """Build two Linears around an activation."""
    return [*linear("linear_1", d, inner, bias=bias), *hollow("act"), *linear("linear_2", inner, h, bias=bias)]


def feature_layers(config: Config) -> int:
    """Return how many of a tower's layers are taken beside each other: one, or those in a list."""
    listed = config.fields.get("vision_feature_layer")
    return len(listed) if isinstance(listed, list) else 1


def of_llava(config: Config, tower: int, text: int) -> Nodes:
    """Build `LlavaMultiModalProjector` from the width of the tower to that of the text."""
    bias = config.flag("multimodal_projector_bias", default=True)
    return under(PROJECTOR, two_linears(tower * feature_layers(config), text, text, bias=bias))
