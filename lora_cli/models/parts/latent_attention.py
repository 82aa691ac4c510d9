"""Multi-head latent attention, DeepSeek's: keys and values, and mostly queries, are projected through a low rank."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.models.config import Config
from lora_cli.models.parts.layers import Node, linear, norm, under


def latent_attention(
    config: Config,
    d: int,
    *,
    heads: int,
    query: int,
    rank: int,
    plain: int,
    rotated: int,
    value: int,
    rotated_names: tuple[str, ...] = ("qk_rope_head_dim",),
) -> Iterator[Node]:
    """Build attention on a hidden size of `d`. The sizes are the defaults.

    `query` and `rank` are the ranks that queries, and keys with values, go through. A head's query and key are of
    `plain` width and `rotated` width, and its value of `value` width. The rotated part of the key is that of all heads.
    """
    heads = config.size("num_attention_heads", default=heads)
    rank = config.size("kv_lora_rank", default=rank)
    plain = config.size("qk_nope_head_dim", default=plain)
    rotated = config.size(*rotated_names, default=rotated)
    value = config.size("v_head_dim", default=value)
    bias = config.flag("attention_bias", default=False)
    yield from _query(config, d, heads * (plain + rotated), rank=query, bias=bias)
    yield from linear("kv_a_proj_with_mqa", d, rank + rotated, bias=bias)
    yield from norm("kv_a_layernorm", rank)
    yield from linear("kv_b_proj", rank, heads * (plain + value))
    yield from linear("o_proj", heads * value, d, bias=bias)


def indexer(config: Config, d: int, *, query: int, heads: int, width: int) -> Iterator[Node]:
    """Build the `indexer` beside it, which selects the keys that DeepSeek's sparse attention looks at."""
    heads = config.size("index_n_heads", default=heads)
    width = config.size("index_head_dim", default=width)
    parts = (
        linear("wq_b", query_rank(config, query), heads * width),
        linear("wk", d, width),
        norm("k_norm", width, bias=True),
        linear("weights_proj", d, heads),
    )
    return under("indexer", *parts)


def query_rank(config: Config, default: int) -> int:
    """Return the rank that queries go through: 0 where the field is null, and they are projected whole."""
    return config.size("q_lora_rank", default=0 if "q_lora_rank" in config.fields else default)


def _query(config: Config, d: int, outputs: int, *, rank: int, bias: bool) -> Iterator[Node]:
    rank = query_rank(config, rank)
    if not rank:
        yield from linear("q_proj", d, outputs)
        return
    yield from linear("q_a_proj", d, rank, bias=bias)
    yield from norm("q_a_layernorm", rank)
    yield from linear("q_b_proj", rank, outputs)
