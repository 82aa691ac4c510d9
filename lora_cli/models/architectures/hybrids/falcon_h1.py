"""Falcon-H1, Mamba-2 and attention beside each other in every layer: `transformers.models.falcon_h1`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention, heads
from lora_cli.models.parts.decoder import CAUSAL_OR_BARE, classes, decoder
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.layers import Nodes, norm, under
from lora_cli.models.parts.state_space import hybrid_mamba2

hidden = size("hidden_size", 4096)
vocabulary = size("vocab_size", 128000)


def state_width(config: Config, d: int) -> int:
    """Return the width of Mamba: mamba_d_ssm, or a multiple of the hidden size where that is null."""
    missing = "mamba_d_ssm" not in config.fields
    return config.size("mamba_d_ssm", default=1024 if missing else config.size("mamba_expand", default=2) * d)


def body(config: Config) -> Nodes:
    """Build `FalconH1Model`."""
    d = hidden(config)
    bias = config.flag("attention_bias", default=False)
    mamba = hybrid_mamba2(
        config,
        d,
        state_width(config, d),
        output_bias=config.flag("projectors_bias", default=False),
        normed=config.flag("mamba_rms_norm", default=False),
    )
    inner = config.size("intermediate_size", default=14336)
    return decoder(
        vocabulary(config),
        d,
        config.layers("num_hidden_layers", default=32),
        under("feed_forward", gated(d, inner, bias=config.flag("mlp_bias", default=False))),
        under("mamba", mamba),
        under("self_attn", attention(d, *heads(config, d, count=32, groups=8), bias=bias, output_bias=bias)),
        norm("input_layernorm", d),
        norm("pre_ff_layernorm", d),
        final=norm("final_layernorm", d),
    )


FAMILY = Family(
    "falcon_h1",
    classes("FalconH1", body, hidden=hidden, vocabulary=vocabulary, tasks=CAUSAL_OR_BARE),
    PromptSizes(hidden=4096, layers=32, heads=32, groups=8),
)
