"""Gemma 2: `transformers.models.gemma2`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention, heads
from lora_cli.models.parts.decoder import BUT_QUESTIONS, classes, decoder
from lora_cli.models.parts.decoder_pass import SEES_ALL, gated_pass, heads_with, is_capped, layer_pass, refuse, rotated
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.forward_pass import Attention, Body, Norm, Words
from lora_cli.models.parts.layer_windows import all_but_every, layer_windows, optional_window
from lora_cli.models.parts.layers import Nodes, norm, under
from lora_cli.models.parts.passes.class_heads import SoftCapped

hidden = size("hidden_size", 2304)
vocabulary = size("vocab_size", 256000)
SIZES = PromptSizes(hidden=2304, layers=26, heads=8, groups=4, head_width=256)


def four_norms(config: Config, vocabulary: int, *, head_norms: bool) -> Nodes:
    """Build `Gemma2Model`, or `Gemma3TextModel`, which also norms each head of q and k."""
    d = hidden(config)
    bias = config.flag("attention_bias", default=False)
    count, groups, width = heads(config, d, count=8, groups=4, width=256)
    # transformers refuses other configs, although the width of a head is a field of its own.
    config.share(d, "hidden_size", count, "num_attention_heads")
    return decoder(
        vocabulary,
        d,
        config.layers("num_hidden_layers", default=26),
        under(
            "self_attn",
            attention(d, count, groups, width, bias=bias, output_bias=bias),
            *((norm("q_norm", width), norm("k_norm", width)) if head_norms else ()),
        ),
        under("mlp", gated(d, config.size("intermediate_size", default=9216))),
        norm("input_layernorm", d),
        norm("post_attention_layernorm", d),
        norm("pre_feedforward_layernorm", d),
        norm("post_feedforward_layernorm", d),
    )


def body(config: Config) -> Nodes:
    """Build `Gemma2Model`."""
    return four_norms(config, vocabulary(config), head_norms=False)


def sandwiched(config: Config, attention: Attention, *, pattern: int, own_angles: bool = False) -> Body:
    """Describe layers with norms before and after each part, and a window but in the last of each `pattern` layers.

    With `own_angles` layers with a window have others than those without.
    """
    refuse(config, "use_bidirectional_attention")
    layers = config.layers("num_hidden_layers", default=26)
    windows = layer_windows(config, layers, optional_window(config, 4096), all_but_every(pattern))
    inner = gated_pass(config, "hidden_activation", activation="gelu_pytorch_tanh")
    blocks = [
        layer_pass(
            attention._replace(window=window, positions=str(window) if own_angles else ""),
            inner,
            kind="rms_float",
            before=("input_layernorm", "pre_feedforward_layernorm"),
            after=("post_attention_layernorm", "post_feedforward_layernorm"),
        )
        for window in windows
    ]
    return Body(blocks, Norm("norm", "rms_float"), Words(scaled="within"), reaches=SEES_ALL)


def forward(config: Config) -> Body:
    """Describe the pass through `Gemma2Model`, which transformers runs with eager attention only."""
    attention = rotated(heads(config, hidden(config), count=8, groups=4, width=256), config)
    attention = attention._replace(soft_cap=is_capped(config, "attn_logit_softcapping", default=True))
    return sandwiched(config, attention, pattern=2)._replace(only_eager=True)


HEADS = heads_with(lambda config: (SoftCapped(),) if is_capped(config, "final_logit_softcapping", default=True) else ())
FAMILY = Family(
    "gemma2",
    classes("Gemma2", body, hidden=hidden, vocabulary=vocabulary, tied_by_default=True, tasks=BUT_QUESTIONS),
    SIZES,
    forward=forward,
    heads=HEADS,
)
