"""Heads that tell what each pixel of an image belongs to."""

from __future__ import annotations

from collections.abc import Sequence

from lora_cli.errors import InvalidInput
from lora_cli.models.config import Config
from lora_cli.models.parts.convolutions import batch_norm, normalised, transposed_convolution
from lora_cli.models.parts.encoder import dense
from lora_cli.models.parts.layers import Nodes, convolution, hollow, listed, repeat, under
from lora_cli.models.parts.stages import features, stage_sizes

# The levels of the pyramid that is made of an image.
LEVELS = 4


def has_pyramid(config: Config) -> bool:
    """Return whether a backbone makes levels of its features."""
    return config.flag("add_fpn", default=False)


def check_features(config: Config, layers: int, *, pyramid: bool) -> None:
    """Refuse features that are not of the layers, and a `pyramid` that is not of four of them."""
    older = config.fields.get("segmentation_indices")
    named = features(config.with_defaults(out_indices=older), layers)
    if pyramid and len(named) != LEVELS:
        raise InvalidInput(
            f"{config.source}: out_indices names {len(named)} layers; the pyramid of BEiT needs {LEVELS}"
        )


def pyramid(d: int) -> Nodes:
    """Build `BeitFPNNeck`: four levels, of which the first two are larger and the last one is smaller."""
    return under(
        "fpn",
        transposed_convolution("fpn1.conv_transpose1", d, d, 2, 2),
        batch_norm("fpn1.normalization", d),
        hollow("fpn1.activation"),
        transposed_convolution("fpn1.conv_transpose2", d, d, 2, 2),
        transposed_convolution("fpn2", d, d, 2, 2),
        hollow("fpn4"),
    )


def decode_head(config: Config, d: int) -> Nodes:
    """Build `BeitUperHead`, which joins the pyramid's levels, seen at several scales."""
    scales = len(stage_sizes(config, "pool_scales", default=(1, 2, 3, 6), stages=0))
    return under(
        "decode_head",
        convolution("classifier", d, config.labels(), 1, 1),
        repeat("psp_modules.blocks", scales, hollow("pooling"), under("conv", normalised(d, d, 1))),
        under("psp_bottleneck", normalised(d + scales * d, d, 3)),
        repeat("lateral_convs", LEVELS - 1, normalised(d, d, 1)),
        repeat("fpn_convs", LEVELS - 1, normalised(d, d, 3)),
        under("fpn_bottleneck", normalised(LEVELS * d, d, 3)),
    )


def fusing_head(config: Config, widths: Sequence[int]) -> Nodes:
    """Build `SegformerDecodeHead`, which fuses the features of all stages; `widths` are theirs."""
    d = config.size("decoder_hidden_size", default=256)
    return under(
        "decode_head",
        listed("linear_projections", (dense("proj", width, d) for width in widths)),
        convolution("linear_fuse", len(widths) * d, d, 1, 1, bias=False),
        batch_norm("batch_norm", d),
        hollow("activation", "dropout"),
        convolution("classifier", d, config.labels(), 1, 1),
    )


def auxiliary_head(config: Config, d: int) -> Nodes:
    """Build `BeitFCNHead`, which helps in training, unless config.json says that there is none."""
    if not config.flag("use_auxiliary_head", default=True):
        return ()
    width, count = config.size("auxiliary_channels", default=256), config.layers("auxiliary_num_convs", default=1)
    joined = config.flag("auxiliary_concat_input", default=False)
    return under(
        "auxiliary_head",
        listed("convs", (normalised(width if index else d, width, 3) for index in range(count))),
        under("conv_cat", normalised(d + width, width, 3)) if joined else (),
        convolution("classifier", width, config.labels(), 1, 1),
    )
