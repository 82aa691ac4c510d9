"""Phi 1, 1.5 and 2: `transformers.models.phi`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import heads
from lora_cli.models.parts.decoder import BUT_QUESTIONS, classes, decoder
from lora_cli.models.parts.decoder_pass import head_norms, rotated
from lora_cli.models.parts.forward_pass import Body, Norm, Words, plain, side_by_side
from lora_cli.models.parts.layers import Nodes, hollow, linear, norm, under
from lora_cli.models.parts.passes.rotary import rotated_width

hidden = size("hidden_size", 2048)
vocabulary = size("vocab_size", 51200)


def attention(config: Config, d: int) -> Nodes:
    """Build `PhiAttention`. Its norms take the heads' share of the hidden size, even beside a head_dim."""
    count, groups, width = heads(config, d, count=32)
    projections = (
        *linear("q_proj", d, count * width, bias=True),
        *linear("k_proj", d, groups * width, bias=True),
        *linear("v_proj", d, groups * width, bias=True),
        *linear("dense", count * width, d, bias=True),
    )
    if not config.flag("qk_layernorm", default=False):
        return projections
    share = d // count
    return (*projections, *norm("q_layernorm", share, bias=True), *norm("k_layernorm", share, bias=True))


def body(config: Config) -> Nodes:
    """Build `PhiModel`, where one norm serves the attention and the feed-forward."""
    d = hidden(config)
    inner = config.size("intermediate_size", default=8192)
    return decoder(
        vocabulary(config),
        d,
        config.layers("num_hidden_layers", default=24),
        under("self_attn", attention(config, d)),
        under("mlp", linear("fc1", d, inner, bias=True), linear("fc2", inner, d, bias=True)),
        norm("input_layernorm", d, bias=True),
        hollow("mlp.activation_fn", "resid_dropout"),
        final=[*norm("final_layernorm", d, bias=True), *hollow("embed_dropout")],
    )


def forward(config: Config) -> Body:
    """Describe the pass through `PhiModel`, in which attention and feed-forward share one norm."""
    shape = heads(config, hidden(config), count=32)
    norms = head_norms("layer", names=("q_layernorm", "k_layernorm"))
    attention = rotated(shape, config)._replace(
        output="dense",
        rotary=rotated_width(config, shape[2], default=0.5, exact=True),
        by_heads=True,
        norms=norms if config.flag("qk_layernorm", default=False) else None,
        norm_time="all_projected",
    )
    inner = plain("mlp", "fc1", "fc2", config.text("hidden_act", default="gelu_new"))
    dropout = config.real("resid_pdrop", default=0.0)
    block = side_by_side(attention, inner, Norm("input_layernorm", "layer"), dropout=dropout)
    words = Words(dropout=config.real("embd_pdrop", default=0.0))
    layers = config.layers("num_hidden_layers", default=24)
    return Body([block] * layers, Norm("final_layernorm", "layer"), words)


FAMILY = Family(
    "phi",
    classes("Phi", body, hidden=hidden, vocabulary=vocabulary, head_bias=True, tasks=BUT_QUESTIONS),
    PromptSizes(hidden=2048, layers=24, heads=32, groups="heads"),
    forward=forward,
)
