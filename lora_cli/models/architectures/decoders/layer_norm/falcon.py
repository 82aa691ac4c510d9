"""Falcon 7B to 180B: `transformers.models.falcon`."""

from __future__ import annotations

from lora_cli.errors import InvalidInput
from lora_cli.models.config import Config, set_unless_null, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.decoder import transformer_classes
from lora_cli.models.parts.forward_pass import Attention, Block, Body, Branch, FeedForward, Norm, Words, plain
from lora_cli.models.parts.layers import Nodes, embedding, hollow, linear, norm, repeat, under


def hidden(config: Config) -> int:
    """Return the width; the older n_embed wins over hidden_size."""
    return config.size("n_embed", "hidden_size", default=4544)


vocabulary = size("vocab_size", 65024)


def queries_keys_values(config: Config, d: int) -> int:
    """Return the outputs of the one Linear for q, k and v: every head its own, groups, or one k and v for all."""
    heads = config.size("num_attention_heads", default=71)
    width = config.share(d, "hidden_size", heads, "num_attention_heads")
    if config.flag("new_decoder_architecture", default=False):
        return (heads + 2 * key_value_heads(config)) * width
    return d + 2 * width if set_unless_null(config, "multi_query") else 3 * d


def norms(config: Config) -> tuple[str, ...]:
    """Return the norms of a block: its feed-forward comes after attention, or beside it, with or without a norm of its own."""
    if not set_unless_null(config, "parallel_attn"):
        return ("post_attention_layernorm", "input_layernorm")
    new = config.flag("new_decoder_architecture", default=False)
    own = config.number("num_ln_in_parallel_attn", default=2 if new else 1) == 2
    return ("ln_attn", "ln_mlp") if own else ("input_layernorm",)


def feed_forward_width(config: Config) -> int:
    """Return the hidden units of a block's feed-forward."""
    return config.size("ffn_hidden_size", default=4 * hidden(config))


def key_value_heads(config: Config) -> int:
    """Return the groups of heads of the new architecture."""
    return config.size("num_kv_heads", default=config.size("num_attention_heads", default=71))


def body(config: Config) -> Nodes:
    """Build `FalconModel`."""
    d = hidden(config)
    bias = config.flag("bias", default=False)
    inner = feed_forward_width(config)
    qkv = queries_keys_values(config, d)
    return [
        *embedding("word_embeddings", vocabulary(config), d),
        *repeat(
            "h",
            config.layers("num_hidden_layers", default=32),
            under("self_attention", linear("query_key_value", d, qkv, bias=bias), linear("dense", d, d, bias=bias)),
            under("mlp", linear("dense_h_to_4h", d, inner, bias=bias), linear("dense_4h_to_h", inner, d, bias=bias)),
            *(norm(name, d, bias=True) for name in norms(config)),
            hollow("self_attention.attention_dropout", "mlp.act"),
        ),
        *norm("ln_f", d, bias=True),
        *hollow("rotary_emb"),
    ]


def forward(config: Config) -> Body:
    """Describe the pass through `FalconModel`, whose attention is masked even where all is seen."""
    d, count = hidden(config), config.size("num_attention_heads", default=71)
    if config.flag("alibi", default=False):
        raise InvalidInput(f"{config.source}: what alibi allocates in a training step is not known")
    new = config.flag("new_decoder_architecture", default=False)
    single = not new and set_unless_null(config, "multi_query")
    groups = key_value_heads(config) if new else 1 if single else count
    attention = Attention(
        count,
        groups,
        d // count,
        "self_attention",
        ("query_key_value",),
        "dense",
        d // count,
        float_softmax=False,
        casts_weights=False,
        sliced=True,
        indexed="groups" if new else "single" if single else "",
        masked=True,
        scales_in_place=True,
    )
    inner = plain("mlp", "dense_h_to_4h", "dense_4h_to_h", config.text("activation", default="gelu"))
    layers = config.layers("num_hidden_layers", default=32)
    return Body(
        [_layer(config, attention, inner)] * layers,
        Norm("ln_f", "layer"),
        Words("word_embeddings"),
        "h",
        own_linear=True,
    )


def _layer(config: Config, attention: Attention, inner: FeedForward) -> Block:
    """Describe `FalconDecoderLayer`."""
    own, dropout = norms(config), config.real("hidden_dropout", default=0.0)
    if "post_attention_layernorm" in own:
        after = config.real("attention_dropout", default=0.0)
        branch = Branch(inner, Norm(own[0], "layer"), dropout=dropout, keeps="all", keeps_given=True)
        return Block((branch._replace(part=attention, before=Norm(own[1], "layer"), dropout=after), branch))
    if len(own) == 1:
        branches = Branch(attention), Branch(inner)
        return Block(branches, parallel=True, before=Norm(own[0], "layer"), in_place=True, dropout=dropout)
    first, second = (Norm(name, "layer") for name in own)
    return Block((Branch(attention, first), Branch(inner, second)), parallel=True, in_place=True, dropout=dropout)


FAMILY = Family(
    "falcon",
    transformer_classes("Falcon", body, hidden=hidden, vocabulary=vocabulary, embeddings="word_embeddings"),
    PromptSizes(hidden=4544, layers=32, heads=71, hidden_names=("n_embed", "hidden_size", "n_embd", "d_model")),
    feed_forward=None,
    forward=forward,
    filled={"ffn_hidden_size": feed_forward_width, "num_kv_heads": key_value_heads},
)
