"""What the vision towers of SigLIP and SigLIP 2 share."""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.parts.feed_forward import ungated
from lora_cli.models.parts.layers import Nodes, linear, norm, parameter, under


def pooling_head(config: Config, d: int) -> Nodes:
    """Build the head that pools by attention, where there is one; q, k and v are one parameter of torch's own class."""
    if not config.flag("vision_use_head", default=True):
        return ()
    inner = config.size("intermediate_size", default=3072)
    return under(
        "head",
        parameter("probe", 1, 1, d),
        parameter("attention.in_proj_weight", 3 * d, d),
        parameter("attention.in_proj_bias", 3 * d),
        linear("attention.out_proj", d, d, bias=True),
        norm("layernorm", d, bias=True),
        under("mlp", ungated(d, inner)),
    )
