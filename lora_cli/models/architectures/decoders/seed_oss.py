"""Seed-OSS: `transformers.models.seed_oss`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention, heads
from lora_cli.models.parts.decoder import block, classes, decoder
from lora_cli.models.parts.decoder_pass import gated_pass, layer_pass, rotated
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.forward_pass import Body
from lora_cli.models.parts.layers import Nodes

hidden = size("hidden_size", 4096)
vocabulary = size("vocab_size", 155136)


def body(config: Config) -> Nodes:
    """Build `SeedOssModel`, whose output projection has a bias of its own."""
    d = hidden(config)
    shape = heads(config, d, count=80, groups=8, width=128)
    inputs, output = config.flag("attention_bias", default=True), config.flag("attention_out_bias", default=False)
    inner = config.size("intermediate_size", default=27648)
    return decoder(
        vocabulary(config),
        d,
        config.layers("num_hidden_layers", default=64),
        block(
            d,
            attention(d, *shape, bias=inputs, output_bias=output),
            gated(d, inner, bias=config.flag("mlp_bias", default=False)),
        ),
    )


def forward(config: Config) -> Body:
    """Describe the pass through `SeedOssModel`."""
    attention = rotated(heads(config, hidden(config), count=80, groups=8, width=128), config)
    dropout = config.real("residual_dropout", default=0.1)
    attention = attention._replace(dropout=config.real("attention_dropout", default=0.1))
    layer = layer_pass(attention, gated_pass(config), dropout=dropout)
    return Body([layer] * config.layers("num_hidden_layers", default=64))


FAMILY = Family(
    "seed_oss",
    classes("SeedOss", body, hidden=hidden, vocabulary=vocabulary, questions_prefix="transformer"),
    PromptSizes(hidden=4096, layers=64, heads=80, groups=8, head_width=128),
    forward=forward,
)
