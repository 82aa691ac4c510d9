"""LFM2-VL: `transformers.models.lfm2_vl`."""

from __future__ import annotations

from lora_cli.models.composite import TIED, Composite, Section, Tower
from lora_cli.models.config import Config
from lora_cli.models.parts.layers import Nodes, norm, under
from lora_cli.models.parts.projectors import PROJECTOR, two_linears
from lora_cli.models.registry import hidden_size


def projector(config: Config, tower: Config, text: Config) -> Nodes:
    """Build `Lfm2VlMultiModalProjector`, which puts neighbouring patches together."""
    side: int = config.size("downsample_factor", default=2)
    d = hidden_size(tower) * side**2
    inner, bias = config.size("projector_hidden_size", default=2560), config.flag("projector_bias", default=True)
    normed = config.flag("projector_use_layernorm", default=True)
    return under(
        PROJECTOR,
        norm("layer_norm", d, bias=True) if normed else (),
        two_linears(d, inner, hidden_size(text), bias=bias),
    )


def ties(config: Config, _text: Config) -> bool:
    """Whether config.json ties the head, by its older name first; by default it does."""
    return config.flag("tie_embedding", TIED, default=True)


FAMILY = Composite(
    text=Section(name="text_config", model_type="lfm2"),
    towers=[Tower("vision_tower", Section(name="vision_config", model_type="siglip2_vision_model"), projector)],
).family("lfm2_vl", "Lfm2Vl", tied=ties)
