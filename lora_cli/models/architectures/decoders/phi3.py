"""Phi 3, 3.5 and 4: `transformers.models.phi3`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import heads
from lora_cli.models.parts.decoder import BUT_QUESTIONS, block, classes, decoder
from lora_cli.models.parts.decoder_pass import fused_pass, layer_pass, rotated
from lora_cli.models.parts.feed_forward import fused_gated
from lora_cli.models.parts.forward_pass import Body
from lora_cli.models.parts.layer_windows import optional_window
from lora_cli.models.parts.layers import Nodes, hollow, linear
from lora_cli.models.parts.passes.rotary import rotated_width

hidden = size("hidden_size", 3072)
vocabulary = size("vocab_size", 32064)


def body(config: Config) -> Nodes:
    """Build `Phi3Model`, whose q, k and v are one projection."""
    d = hidden(config)
    count, groups, width = heads(config, d, count=32)
    projections = *linear("o_proj", count * width, d), *linear("qkv_proj", d, (count + 2 * groups) * width)
    return decoder(
        vocabulary(config),
        d,
        config.layers("num_hidden_layers", default=32),
        block(d, projections, fused_gated(d, config.size("intermediate_size", default=8192))),
        hollow("resid_attn_dropout", "resid_mlp_dropout"),
    )


def forward(config: Config) -> Body:
    """Describe the pass through `Phi3Model`, whose layers all have the same window."""
    shape = heads(config, hidden(config), count=32)
    attention = rotated(shape, config)._replace(
        inputs=("qkv_proj",),
        sliced=True,
        by_heads=True,
        rotary=rotated_width(config, shape[2]),
        window=optional_window(config, None),
    )
    layer = layer_pass(attention, fused_pass(config), dropout=config.real("resid_pdrop", default=0.0))
    return Body([layer] * config.layers("num_hidden_layers", default=32))


FAMILY = Family(
    "phi3",
    classes("Phi3", body, hidden=hidden, vocabulary=vocabulary, tasks=BUT_QUESTIONS),
    PromptSizes(hidden=3072, layers=32, heads=32, groups="heads"),
    forward=forward,
)
