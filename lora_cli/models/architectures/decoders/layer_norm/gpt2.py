"""GPT-2: `transformers.models.gpt2`."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.decoder import transformer_classes
from lora_cli.models.parts.forward_pass import Attention, Block, Body, Norm, Words, plain, pre_norm
from lora_cli.models.parts.heads import sequence_summary
from lora_cli.models.parts.layers import (
    Node,
    Nodes,
    Skeleton,
    embedding,
    hollow,
    linear,
    norm,
    repeat,
    transposed,
    under,
)

hidden = size("hidden_size", 768, "n_embd")
vocabulary = size("vocab_size", 50257)


def block(config: Config) -> Iterator[Node]:
    """Build `GPT2Block`; q, k and v are one Conv1D."""
    d = hidden(config)
    config.share(d, "n_embd", config.size("num_attention_heads", "n_head", default=12), "n_head")
    inner = config.size("n_inner", default=4 * d)
    yield from norm("ln_1", d, bias=True)
    dropouts = hollow("attn_dropout", "resid_dropout")
    yield from under("attn", transposed("c_attn", d, 3 * d), transposed("c_proj", d, d), dropouts)
    yield from norm("ln_2", d, bias=True)
    if config.flag("add_cross_attention", default=False):
        parts = transposed("c_attn", d, 2 * d), transposed("q_attn", d, d), transposed("c_proj", d, d)
        yield from under("crossattention", *parts, dropouts)
        yield from norm("ln_cross_attn", d, bias=True)
    yield from under("mlp", transposed("c_fc", d, inner), transposed("c_proj", inner, d), hollow("act", "dropout"))


def body(config: Config) -> Nodes:
    """Build `GPT2Model`."""
    d = hidden(config)
    return [
        *embedding("wte", vocabulary(config), d),
        *embedding("wpe", config.size("max_position_embeddings", "n_positions", default=1024), d),
        *repeat("h", config.layers("num_hidden_layers", "n_layer", default=12), block(config)),
        *norm("ln_f", d, bias=True),
        *hollow("drop"),
    ]


def double_heads(config: Config) -> Skeleton:
    """Build `GPT2DoubleHeadsModel`, which sets num_labels to 1 itself."""
    causal = GPT2["GPT2ForCausalLM"](config)
    d = hidden(config)
    labels = 1 if config.flag("summary_proj_to_labels", default=True) else d
    projects = config.flag("summary_use_proj", default=True)
    head = sequence_summary(linear("summary", d, labels, bias=True) if projects else hollow("summary"))
    return causal._replace(nodes=[*causal.nodes, *under("multiple_choice_head", head)])


def forward(config: Config) -> Body:
    """Describe the pass through `GPT2Model`."""
    count = config.size("num_attention_heads", "n_head", default=12)
    attention = Attention(
        count,
        count,
        hidden(config) // count,
        "attn",
        ("c_attn",),
        "c_proj",
        dropout=config.real("attn_pdrop", default=0.1),
        float_softmax=False,
    )
    activation = config.text("activation_function", "hidden_act", default="gelu_new")
    block = pre_norm(
        attention,
        plain("mlp", "c_fc", "c_proj", activation),
        "layer",
        config.real("resid_pdrop", default=0.1),
        names=("ln_1", "ln_2"),
    )
    block = Block(tuple(branch._replace(keeps="layer", keeps_given=True) for branch in block.branches))
    embeddings = Words("wte", each_position=("wpe",), dropout=config.real("embd_pdrop", default=0.1))
    return Body(
        [block] * config.layers("num_hidden_layers", "n_layer", default=12), Norm("ln_f", "layer"), embeddings, "h"
    )


GPT2 = transformer_classes("GPT2", body, hidden=hidden, vocabulary=vocabulary)

FAMILY = Family(
    "gpt2",
    {
        "GPT2LMHeadModel": GPT2["GPT2ForCausalLM"],
        "GPT2DoubleHeadsModel": double_heads,
        **{name: build for name, build in GPT2.items() if name != "GPT2ForCausalLM"},
    },
    PromptSizes(hidden=768, layers=12, heads=12),
    feed_forward="n_inner",
    forward=forward,
)
