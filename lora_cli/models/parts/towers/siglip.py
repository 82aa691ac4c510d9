"""What SigLIP's vision tower shares with others."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.parts.attention import multihead
from lora_cli.models.parts.feed_forward import ungated
from lora_cli.models.parts.kin.clip import encoder
from lora_cli.models.parts.layers import Nodes, convolution, embedding, norm, parameter, under

PATCHES = "embeddings.patch_embedding"

hidden = size("hidden_size", 1152)


def tower(
    config: Config,
    d: int,
    *,
    heads: int = 16,
    inner: int = 3072,
    layers: int = 12,
    image: int = 224,
    patch: int = 32,
    norms_first: bool = False,
) -> Nodes:
    """Build patches, positions and layers of CLIP's kind. The arguments are what differs, and defaults that do."""
    side = config.size("patch_size", default=patch)
    # The convolution leaves out the edge of an image that is not a multiple of the patch.
    patches = (config.size("image_size", default=image) // side) ** 2
    return [
        *convolution(PATCHES, config.size("num_channels", default=3), d, side, side),
        *embedding("embeddings.position_embedding", patches, d),
        *encoder(config, d, heads=heads, inner=inner, layers=layers, norms_first=norms_first),
        *norm("post_layernorm", d, bias=True),
    ]


def pooling_head(config: Config, d: int) -> Nodes:
    """Build the head that pools by attention, where there is one."""
    if not config.flag("vision_use_head", default=True):
        return ()
    inner = config.size("intermediate_size", default=3072)
    return under(
        "head",
        parameter("probe", 1, 1, d),
        multihead("attention", d),
        norm("layernorm", d, bias=True),
        under("mlp", ungated(d, inner)),
    )
