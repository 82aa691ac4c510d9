"""StableLM: `transformers.models.stablelm`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention
from lora_cli.models.parts.decoder import BUT_QUESTIONS, classes, decoder
from lora_cli.models.parts.decoder_pass import gated_pass, refuse
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.forward_pass import Attention, Block, Body, Branch, Norm
from lora_cli.models.parts.layers import Nodes, hollow, norm, parameter, repeat, under
from lora_cli.models.parts.passes.rotary import rotated_width

hidden = size("hidden_size", 2560)
vocabulary = size("vocab_size", 50304)


def body(config: Config) -> Nodes:
    """Build `StableLmModel`. The heads share the hidden size: no head_dim is read."""
    d = hidden(config)
    count = config.size("num_attention_heads", default=32)
    groups = config.size("num_key_value_heads", default=32)
    width = config.share(d, "hidden_size", count, "num_attention_heads")
    normed = config.flag("qk_layernorm", default=False)
    parallel = config.flag("use_parallel_residual", default=False)
    return decoder(
        vocabulary(config),
        d,
        config.layers("num_hidden_layers", default=32),
        under(
            "self_attn",
            attention(d, count, groups, width, bias=config.flag("use_qkv_bias", default=False)),
            repeat("q_layernorm.norms", count, parameter("weight", width)) if normed else (),
            repeat("k_layernorm.norms", groups, parameter("weight", width)) if normed else (),
        ),
        under("mlp", gated(d, config.size("intermediate_size", default=6912))),
        hollow("dropout"),
        norm("input_layernorm", d, bias=True),
        () if parallel else norm("post_attention_layernorm", d, bias=True),
        final=norm("norm", d, bias=True),
    )


def forward(config: Config) -> Body:
    """Describe the pass through `StableLmModel`: attention and feed-forward one after the other or side by side."""
    refuse(config, "qk_layernorm")
    count = config.size("num_attention_heads", default=32)
    width = hidden(config) // count
    attention = Attention(
        count,
        config.size("num_key_value_heads", default=32),
        width,
        rotary=rotated_width(config, width, default=0.25, exact=True),
        dropout=config.real("attention_dropout", default=0.0),
        by_heads=True,
    )
    norm, dropout = Norm("input_layernorm", "layer"), config.real("hidden_dropout", default=0.0)
    inner = Branch(gated_pass(config), Norm("post_attention_layernorm", "layer"), dropout=dropout)
    block = Block((Branch(attention, norm, keeps="all", keeps_given=True), inner))
    if config.flag("use_parallel_residual", default=False):
        block = Block((Branch(attention), inner._replace(before=None)), parallel=True, before=norm)
    return Body([block] * config.layers("num_hidden_layers", default=32), Norm("norm", "layer"))


FAMILY = Family(
    "stablelm",
    classes("StableLm", body, hidden=hidden, vocabulary=vocabulary, tasks=BUT_QUESTIONS),
    PromptSizes(hidden=2560, layers=32, heads=32, groups=32),
    forward=forward,
)
