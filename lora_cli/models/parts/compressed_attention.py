"""DeepSeek V4's attention, most layers of which compress the keys of tokens that are far away."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.models.config import Config
from lora_cli.models.parts.layers import Node, Nodes, hollow, linear, norm, parameter, under

SLIDING, SPARSE, HEAVY = "sliding_attention", "compressed_sparse_attention", "heavily_compressed_attention"
# How many tokens become one, by the type of the layer, and the older field of each.
RATES = {SPARSE: 4, HEAVY: 128}
OLDER = {SPARSE: "compress_rate_csa", HEAVY: "compress_rate_hca"}


def compressed_attention(config: Config, d: int, kind: str) -> Iterator[Node]:
    """Build `DeepseekV4Attention` of a layer of that kind: keys and values are the same, and o is in groups."""
    heads = config.size("num_attention_heads", default=64)
    width = config.size("head_dim", default=512)
    query = config.size("q_lora_rank", default=1024)
    groups = config.size("o_groups", default=8)
    rank = config.size("o_lora_rank", default=1024)
    yield from linear("q_a_proj", d, query)
    yield from norm("q_a_norm", query)
    yield from linear("q_b_proj", query, heads * width)
    yield from hollow("q_b_norm")
    yield from linear("kv_proj", d, width)
    yield from norm("kv_norm", width)
    yield from linear("o_a_proj", heads * width // groups, groups * rank)
    yield from linear("o_b_proj", groups * rank, d)
    yield from parameter("sinks", heads)
    if kind == SPARSE:
        parts = _compressor(d, 2 * width, width, _rate(config, SPARSE)), under("indexer", _indexer(config, d, query))
        yield from under("compressor", *parts)
    elif kind == HEAVY:
        yield from under("compressor", _compressor(d, width, width, _rate(config, HEAVY)))


def _rate(config: Config, kind: str) -> int:
    listed = config.section("compress_rates").size(kind, default=RATES[kind])
    return config.size(OLDER[kind], default=listed)


def _compressor(d: int, outputs: int, width: int, rate: int) -> Nodes:
    """Build what makes one key of `rate` tokens; in the sparse form its outputs are two halves, which overlap."""
    return (
        *linear("kv_proj", d, outputs),
        *linear("gate_proj", d, outputs),
        *parameter("position_bias", rate, outputs),
        *norm("kv_norm", width),
        *hollow("rotary_emb"),
    )


def _indexer(config: Config, d: int, query: int) -> Iterator[Node]:
    """Build `DeepseekV4Indexer`, which selects among the compressed keys."""
    heads = config.size("index_n_heads", default=64)
    width = config.size("index_head_dim", default=128)
    yield from _compressor(d, 2 * width, width, _rate(config, SPARSE))
    yield from linear("q_b_proj", query, heads * width)
    yield from linear("scorer.weights_proj", d, heads)
