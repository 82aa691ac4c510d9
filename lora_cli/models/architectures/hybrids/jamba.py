"""Jamba, Mamba and attention, with experts in some layers: `transformers.models.jamba`."""

from __future__ import annotations

from lora_cli.errors import InvalidInput
from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention, heads
from lora_cli.models.parts.decoder import CAUSAL_OR_BARE, classes
from lora_cli.models.parts.experts import experts
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.hybrid import layered_decoder
from lora_cli.models.parts.layers import Nodes, norm, under
from lora_cli.models.parts.state_space import Mamba, mamba, time_step_rank

hidden = size("hidden_size", 4096)
vocabulary = size("vocab_size", 65536)


def rank(config: Config) -> int:
    """Return the rank through which time steps go."""
    return time_step_rank(config, "mamba_dt_rank", hidden(config))


def normed_mamba(config: Config, d: int) -> Nodes:
    """Build `JambaMambaMixer`, which norms the time step, B and C."""
    sizes = Mamba(
        config.size("mamba_expand", default=2) * d,
        rank(config),
        config.number("mamba_d_state", default=16),
        config.size("mamba_d_conv", default=4),
    )
    bias = config.flag("mamba_proj_bias", default=False)
    return (
        *mamba(d, sizes, bias=bias, convolution_bias=config.flag("mamba_conv_bias", default=True)),
        *norm("dt_layernorm", sizes.rank),
        *norm("b_layernorm", sizes.state),
        *norm("c_layernorm", sizes.state),
    )


def chosen(config: Config, what: str, layers: int, *, period: int, offset: int) -> list[bool]:
    """Return for each layer whether it has attention or experts; `period` and `offset` are the defaults."""
    period = config.size(f"{what}_layer_period", default=period)
    offset = config.number(f"{what}_layer_offset", default=offset)
    if offset >= period:
        raise InvalidInput(
            f"{config.source}: {what}_layer_offset is {offset}; it must be smaller than {what}_layer_period {period}"
        )
    return [index % period == offset for index in range(layers)]


def body(config: Config) -> Nodes:
    """Build `JambaModel`."""
    d = hidden(config)
    inner = config.size("intermediate_size", default=14336)
    layers = config.layers("num_hidden_layers", default=32)
    count = config.number("num_local_experts", "num_experts", default=16)
    mixers = {
        True: list(under("self_attn", attention(d, *heads(config, d, count=32, groups=8)))),
        False: list(under("mamba", normed_mamba(config, d))),
    }
    # A single expert is a plain feed-forward.
    feed_forwards = {
        True: experts(d, inner, count, router="router") if count > 1 else gated(d, inner),
        False: gated(d, inner),
    }
    norms = (*norm("input_layernorm", d), *norm("pre_ff_layernorm", d))
    blocks = (
        [*mixers[attends], *under("feed_forward", feed_forwards[mixes]), *norms]
        for attends, mixes in zip(
            chosen(config, "attn", layers, period=8, offset=4),
            chosen(config, "expert", layers, period=2, offset=1),
            strict=True,
        )
    )
    return layered_decoder(vocabulary(config), d, blocks, final="final_layernorm", rotary=None)


FAMILY = Family(
    "jamba",
    classes("Jamba", body, hidden=hidden, vocabulary=vocabulary, tasks=(*CAUSAL_OR_BARE, "ForSequenceClassification")),
    PromptSizes(hidden=4096, layers=32, heads=32, groups=8),
    filled={"mamba_dt_rank": rank},
)
