"""LFM2, short convolutions and attention: `transformers.models.lfm2`."""

from __future__ import annotations

from math import ceil

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.hybrid import indices
from lora_cli.models.parts.kin.lfm2 import CONVOLUTION, convolution_classes, convolution_decoder, feed_forward
from lora_cli.models.parts.layer_types import ATTENTION, layer_kinds
from lora_cli.models.parts.layers import Nodes

hidden = size("hidden_size", 2560)
vocabulary = size("vocab_size", 65536)


def written_width(config: Config) -> int:
    """Return the size that the config has for the hidden units, by its older or its newer name."""
    return config.size("block_ff_dim", "intermediate_size", default=12288)


def feed_forward_width(config: Config) -> int:
    """Return the hidden units: two thirds of the size in the config, rounded up to a multiple, unless told not to."""
    inner = written_width(config)
    if not config.flag("block_auto_adjust_ff_dim", default=True):
        return inner
    inner = int(2 * inner / 3)
    multiple = config.size("block_multiple_of", default=256)
    factor = config.real("block_ffn_dim_multiplier", default=1.0)
    if factor < 0:
        raise config.wrong("block_ffn_dim_multiplier", "a number of 0 or more")
    return ceil(int(factor * inner) / multiple) * multiple


def kinds(config: Config) -> list[str]:
    """Return the kind of each layer: by default attention in those of `full_attn_idxs`, or in all."""
    attending = indices(config, "full_attn_idxs")
    return layer_kinds(
        config,
        "layer_types",
        layers=config.layers("num_hidden_layers", default=32),
        known=(CONVOLUTION, ATTENTION),
        default=lambda index: ATTENTION if attending is None or index in attending else CONVOLUTION,
    )


def body(config: Config) -> Nodes:
    """Build `Lfm2Model`."""
    d, each = hidden(config), kinds(config)
    parts = [feed_forward(d, feed_forward_width(config))] * len(each)
    return convolution_decoder(config, vocabulary(config), d, each, parts)


FAMILY = Family(
    "lfm2",
    convolution_classes("Lfm2", body, hidden, vocabulary),
    PromptSizes(hidden=2560, layers=32, heads=32, groups=8),
    filled={"layer_types": kinds, "intermediate_size": written_width, "block_ff_dim": lambda _: None},
)
