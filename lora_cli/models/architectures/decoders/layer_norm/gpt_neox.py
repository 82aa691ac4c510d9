"""GPT-NeoX and Pythia: `transformers.models.gpt_neox`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.decoder import classes
from lora_cli.models.parts.forward_pass import Body, Norm, Words, pre_norm
from lora_cli.models.parts.kin import megatron
from lora_cli.models.parts.layers import Nodes, embedding, hollow, norm, repeat
from lora_cli.models.parts.passes.rotary import rotated_width

hidden = size("hidden_size", 6144)
vocabulary = size("vocab_size", 50432)


def body(config: Config) -> Nodes:
    """Build `GPTNeoXModel`; q, k and v are one Linear."""
    d = hidden(config)
    config.share(d, "hidden_size", config.size("num_attention_heads", default=64), "num_attention_heads")
    bias = config.flag("attention_bias", default=True)
    inner = config.size("intermediate_size", default=24576)
    return [
        *embedding("embed_in", vocabulary(config), d),
        *repeat(
            "layers",
            config.layers("num_hidden_layers", default=44),
            norm("input_layernorm", d, bias=True),
            norm("post_attention_layernorm", d, bias=True),
            megatron.attention("attention", d, 3 * d, bias=bias),
            megatron.feed_forward(d, inner, bias=True),
            hollow("mlp.act", "post_attention_dropout", "post_mlp_dropout"),
        ),
        *norm("final_layer_norm", d, bias=True),
        *hollow("emb_dropout", "rotary_emb"),
    ]


def forward(config: Config) -> Body:
    """Describe the pass through `GPTNeoXModel`: attention and feed-forward side by side, or one after the other."""
    count = config.size("num_attention_heads", default=64)
    width = hidden(config) // count
    attention = megatron.attention_pass("attention", count, count, width)._replace(
        rotary=rotated_width(config, width, "rotary_pct", default=0.25),
        dropout=config.real("attention_dropout", default=0.0),
        by_heads=True,
    )
    inner = megatron.feed_forward_pass(config.text("hidden_act", default="gelu"))
    dropout = config.real("hidden_dropout", default=0.0)
    parallel = config.flag("use_parallel_residual", default=True)
    block = pre_norm(attention, inner, "layer", dropout, parallel=parallel)
    layers = config.layers("num_hidden_layers", default=44)
    return Body([block] * layers, Norm("final_layer_norm", "layer"), Words("embed_in", dropout=dropout))


FAMILY = Family(
    "gpt_neox",
    classes(
        "GPTNeoX",
        body,
        hidden=hidden,
        vocabulary=vocabulary,
        prefix="gpt_neox",
        embeddings="embed_in",
        tokens_head="classifier",
    ),
    PromptSizes(hidden=6144, layers=44, heads=64),
    forward=forward,
)
