"""DBRX: `transformers.models.dbrx`."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.errors import InvalidInput
from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.decoder import TASKS, classes
from lora_cli.models.parts.layers import Node, Nodes, embedding, hollow, linear, norm, parameter, repeat, under

hidden = size("hidden_size", 2048, "d_model")
vocabulary = size("vocab_size", 32000)


def attended(config: Config, d: int) -> Iterator[Node]:
    """Build `DbrxNormAttentionNorm`: q, k and v are one Linear."""
    heads = config.size("num_attention_heads", "n_heads", default=16)
    groups = config.section("attn_config").size("kv_n_heads", default=1)
    yield from norm("norm_1", d)
    yield from linear("attn.Wqkv", d, d + 2 * groups * (d // heads))
    yield from linear("attn.out_proj", d, d)
    yield from norm("norm_2", d)


def mixture(config: Config, d: int) -> Iterator[Node]:
    """Build `DbrxFFN`, whose experts are stacked in three matrices."""
    config = config.section("ffn_config")
    count = config.size("moe_num_experts", default=4)
    inner = config.size("ffn_hidden_size", default=3584)
    yield from linear("router.layer", d, count)
    for name in ("w1", "v1", "w2"):
        yield from parameter(f"experts.mlp.{name}", count * inner, d)
    yield from hollow("experts.mlp.activation_fn")


def body(config: Config) -> Nodes:
    """Build `DbrxModel`, whose head transformers does not tie."""
    if config.flag("tie_word_embeddings", default=False):
        raise InvalidInput(f"{config.source}: tie_word_embeddings is true; transformers refuses that for this model")
    d = hidden(config)
    layers = config.layers("num_hidden_layers", "n_layers", default=24)
    return [
        *hollow("rotary_emb"),
        *embedding("wte", vocabulary(config), d),
        *repeat("blocks", layers, under("norm_attn_norm", attended(config, d)), under("ffn", mixture(config, d))),
        *norm("norm_f", d),
    ]


FAMILY = Family(
    "dbrx",
    classes(
        "Dbrx",
        body,
        hidden=hidden,
        vocabulary=vocabulary,
        prefix="transformer",
        embeddings="wte",
        tasks=TASKS[:2],
    ),
    PromptSizes(
        hidden=2048,
        layers=24,
        heads=None,
        hidden_names=("hidden_size", "d_model"),
        layers_names=("num_hidden_layers", "n_layers"),
        heads_names=(),
    ),
    feed_forward=None,
)
