"""The first Mamba: `transformers.models.mamba`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.hybrid import mixer_classes, mixer_decoder
from lora_cli.models.parts.layers import Nodes
from lora_cli.models.parts.state_space import Mamba, mamba, time_step_rank

hidden = size("hidden_size", 768)
vocabulary = size("vocab_size", 50280)


def inner(config: Config) -> int:
    """Return the width of Mamba."""
    return config.size("intermediate_size", default=config.size("expand", default=2) * hidden(config))


def rank(config: Config) -> int:
    """Return the rank through which time steps go."""
    return time_step_rank(config, "time_step_rank", hidden(config))


def body(config: Config) -> Nodes:
    """Build `MambaModel`."""
    d = hidden(config)
    sizes = Mamba(
        inner(config),
        rank(config),
        config.number("state_size", default=16),
        config.size("conv_kernel", default=4),
    )
    mixer = mamba(
        d,
        sizes,
        bias=config.flag("use_bias", default=False),
        convolution_bias=config.flag("use_conv_bias", default=True),
    )
    return mixer_decoder(vocabulary(config), d, [mixer] * config.layers("num_hidden_layers", default=32))


FAMILY = Family(
    "mamba",
    mixer_classes("Mamba", body, hidden=hidden, vocabulary=vocabulary, tied_by_default=True, prefix="backbone"),
    PromptSizes(hidden=768, layers=32, heads=None),
    filled={"intermediate_size": inner, "time_step_rank": rank},
    layers_from="property",
)
