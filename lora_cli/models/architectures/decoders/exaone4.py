"""EXAONE 4: `transformers.models.exaone4`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention, heads
from lora_cli.models.parts.decoder import block, classes, decoder
from lora_cli.models.parts.decoder_pass import (
    NO_NORMS,
    POST_NORMS,
    SEES_ALL,
    gated_pass,
    head_norms,
    layer_pass,
    rotated,
)
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.forward_pass import Body
from lora_cli.models.parts.layer_windows import all_but_every, layer_windows, optional_window
from lora_cli.models.parts.layers import Nodes, norm

hidden = size("hidden_size", 4096)
vocabulary = size("vocab_size", 102400)


def body(config: Config) -> Nodes:
    """Build `Exaone4Model`, which norms each head of q and k, and what leaves a block."""
    d = hidden(config)
    shape = heads(config, d, count=32, groups=32)
    return decoder(
        vocabulary(config),
        d,
        config.layers("num_hidden_layers", default=32),
        block(
            d,
            (*attention(d, *shape), *norm("q_norm", shape[-1]), *norm("k_norm", shape[-1])),
            gated(d, config.size("intermediate_size", default=16384)),
            norms=("post_attention_layernorm", "post_feedforward_layernorm"),
        ),
    )


def forward(config: Config) -> Body:
    """Describe the pass through `Exaone4Model`, in which layers that see all have no positions if others slide."""
    attention = rotated(heads(config, hidden(config), count=32, groups=32), config)
    attention = attention._replace(norms=head_norms(), norm_time="all_projected")
    window, layers = optional_window(config, 4096), config.layers("num_hidden_layers", default=32)
    pattern = config.size("sliding_window_pattern", default=4)
    slides = all_but_every(pattern) if window is not None else lambda _: False
    blocks = [
        layer_pass(
            attention._replace(window=each, rotary=0 if window is not None and each is None else attention.rotary),
            gated_pass(config),
            before=NO_NORMS,
            after=POST_NORMS,
        )
        for each in layer_windows(config, layers, window, slides)
    ]
    return Body(blocks, reaches=SEES_ALL)


FAMILY = Family(
    "exaone4",
    classes("Exaone4", body, hidden=hidden, vocabulary=vocabulary, questions_prefix="transformer"),
    PromptSizes(hidden=4096, layers=32, heads=32, groups=32),
    forward=forward,
)
