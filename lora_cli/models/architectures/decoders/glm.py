"""GLM 4 of 2024, such as GLM-4-9B-Chat: `transformers.models.glm`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention, heads
from lora_cli.models.parts.decoder import BUT_QUESTIONS, PRE_NORMS, block, classes, decoder
from lora_cli.models.parts.decoder_pass import NO_NORMS, NormNames, fused_pass, layer_pass, rotated
from lora_cli.models.parts.feed_forward import fused_gated
from lora_cli.models.parts.forward_pass import Body
from lora_cli.models.parts.layers import Nodes
from lora_cli.models.parts.passes.rotary import rotated_width

hidden = size("hidden_size", 4096)
vocabulary = size("vocab_size", 151552)


def body(config: Config) -> Nodes:
    """Build `GlmModel`."""
    return of_norms(config, *PRE_NORMS)


def of_norms(config: Config, *norms: str) -> Nodes:
    """Build the body with these norms in a block."""
    d = hidden(config)
    shape = heads(config, d, count=32, groups=2, width=128)
    return decoder(
        vocabulary(config),
        d,
        config.layers("num_hidden_layers", default=40),
        block(
            d,
            attention(d, *shape, bias=config.flag("attention_bias", default=True)),
            fused_gated(d, config.size("intermediate_size", default=13696)),
            norms=norms,
        ),
    )


def forward(config: Config) -> Body:
    """Describe the pass through `GlmModel`."""
    return pass_of_norms(config)


def pass_of_norms(config: Config, after: NormNames = NO_NORMS) -> Body:
    """Describe the pass with norms before each part, and perhaps `after` it."""
    shape = heads(config, hidden(config), count=32, groups=2, width=128)
    attention = rotated(shape, config)._replace(
        rotary=rotated_width(config, shape[2], default=0.5), rotary_kind="pairs", by_heads=True
    )
    return Body(
        [layer_pass(attention, fused_pass(config), after=after)] * config.layers("num_hidden_layers", default=40)
    )


FAMILY = Family(
    "glm",
    classes("Glm", body, hidden=hidden, vocabulary=vocabulary, tasks=BUT_QUESTIONS),
    PromptSizes(hidden=4096, layers=40, heads=32, groups=2, head_width=128),
    forward=forward,
)
