"""Mamba-2: `transformers.models.mamba2`."""

from __future__ import annotations

from lora_cli.errors import InvalidInput
from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.hybrid import mixer_classes, mixer_decoder
from lora_cli.models.parts.layers import Nodes
from lora_cli.models.parts.state_space import Mamba2, mamba2

hidden = size("hidden_size", 4096)
vocabulary = size("vocab_size", 32768)


def body(config: Config) -> Nodes:
    """Build `Mamba2Model`."""
    d = hidden(config)
    inner = config.size("expand", default=2) * d
    heads, width = config.size("num_heads", default=128), config.size("head_dim", default=64)
    if heads * width != inner:
        raise InvalidInput(
            f"{config.source}: num_heads {heads} times head_dim {width} is {heads * width}; it must be {inner}, "
            f"expand times hidden_size"
        )
    sizes = Mamba2(
        heads,
        inner,
        config.number("n_groups", default=8),
        config.number("state_size", default=128),
        config.size("conv_kernel", default=4),
    )
    mixer = mamba2(
        d,
        sizes,
        bias=config.flag("use_bias", default=False),
        convolution_bias=config.flag("use_conv_bias", default=True),
    )
    return mixer_decoder(vocabulary(config), d, [mixer] * config.layers("num_hidden_layers", default=64))


FAMILY = Family(
    "mamba2",
    mixer_classes("Mamba2", body, hidden=hidden, vocabulary=vocabulary, prefix="backbone"),
    PromptSizes(hidden=4096, layers=64, heads=128, head_width=64),
    feed_forward=None,
    layers_from="property",
)
