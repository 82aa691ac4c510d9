"""StarCoder2: `transformers.models.starcoder2`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention, heads
from lora_cli.models.parts.decoder import BUT_QUESTIONS, classes, decoder
from lora_cli.models.parts.decoder_pass import layer_pass, rotated
from lora_cli.models.parts.forward_pass import Body, Norm, Words, plain
from lora_cli.models.parts.layer_windows import optional_window
from lora_cli.models.parts.layers import Nodes, hollow, linear, norm, under

hidden = size("hidden_size", 3072)
vocabulary = size("vocab_size", 49152)


def body(config: Config) -> Nodes:
    """Build `Starcoder2Model`."""
    d = hidden(config)
    inner = config.size("intermediate_size", default=12288)
    bias = config.flag("use_bias", default=True)
    return decoder(
        vocabulary(config),
        d,
        config.layers("num_hidden_layers", default=30),
        under("self_attn", attention(d, *heads(config, d, count=24, groups=2), bias=bias, output_bias=bias)),
        under("mlp", linear("c_fc", d, inner, bias=bias), linear("c_proj", inner, d, bias=bias)),
        hollow("mlp.act"),
        norm("input_layernorm", d, bias=True),
        norm("post_attention_layernorm", d, bias=True),
        final=norm("norm", d, bias=True),
    )


def forward(config: Config) -> Body:
    """Describe the pass through `Starcoder2Model`, whose layers all have the same window."""
    attention = rotated(heads(config, hidden(config), count=24, groups=2), config)
    attention = attention._replace(window=optional_window(config, None))
    inner = plain("mlp", "c_fc", "c_proj", config.text("hidden_act", default="gelu_pytorch_tanh"))
    layer = layer_pass(attention, inner, kind="layer", dropout=config.real("residual_dropout", default=0.0))
    words = Words(dropout=config.real("embedding_dropout", default=0.0))
    return Body([layer] * config.layers("num_hidden_layers", default=30), Norm("norm", "layer"), words)


FAMILY = Family(
    "starcoder2",
    classes("Starcoder2", body, hidden=hidden, vocabulary=vocabulary, tied_by_default=True, tasks=BUT_QUESTIONS),
    PromptSizes(hidden=3072, layers=30, heads=24, groups=2),
    forward=forward,
)
