"""SmolLM3: `transformers.models.smollm3`."""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.parts.decoder import attention, classes, decoder, gated, heads, size
from lora_cli.models.parts.layers import Nodes, norm, under

hidden = size("hidden_size", 2048)
vocabulary = size("vocab_size", 128256)


def body(config: Config) -> Nodes:
    """Give `SmolLM3Model`."""
    d = hidden(config)
    bias = config.flag("attention_bias", default=False)
    inner = config.size("intermediate_size", default=11008)
    return decoder(
        vocabulary(config),
        d,
        config.layers("num_hidden_layers", default=36),
        under("self_attn", attention(d, *heads(config, d, count=16, groups=4), bias=bias, output_bias=bias)),
        under("mlp", gated(d, inner, bias=config.flag("mlp_bias", default=False))),
        norm("input_layernorm", d),
        norm("post_attention_layernorm", d),
    )


CLASSES = {
    "smollm3": classes(
        "SmolLM3", body, hidden=hidden, vocabulary=vocabulary, tied_by_default=True, questions_prefix="transformer"
    ),
}
