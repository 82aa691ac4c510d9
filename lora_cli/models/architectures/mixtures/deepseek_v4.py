"""DeepSeek V4: `transformers.models.deepseek_v4`, which leaves the multi-token-prediction layers out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.compressed_attention import HEAVY, SLIDING, SPARSE, compressed_attention
from lora_cli.models.parts.decoder import TASKS, classes, layered_decoder
from lora_cli.models.parts.experts import CORRECTION, experts
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.layer_types import layer_types
from lora_cli.models.parts.layers import Node, Nodes, buffer, hollow, norm, parameter, under

hidden = size("hidden_size", 4096)
vocabulary = size("vocab_size", 129280)
streams = size("hc_mult", 4)
RATIOS = {0: SLIDING, 4: SPARSE, 128: HEAVY}
HASHED, ROUTED = "hash_moe", "moe"


def attention_types(config: Config, layers: int) -> Sequence[str]:
    """Return the type of each layer's attention: listed, by `compress_ratios`, its older form, or alternating."""
    ratios = config.items("compress_ratios")
    if ratios is not None and config.fields.get("layer_types") is None:
        if not all(type(ratio) is int and ratio in RATIOS for ratio in ratios):
            raise config.wrong("compress_ratios", f"a list of {', '.join(map(str, RATIOS))}")
        types = {"compress_ratios": [RATIOS[ratio] for ratio in ratios]}
        return layer_types(Config(types, config.source), "compress_ratios", [SLIDING] * layers)
    default = [SPARSE if index > 2 and index % 2 else HEAVY for index in range(layers)]
    return layer_types(config, "layer_types", default, known=(SLIDING, SPARSE, HEAVY))


def hyper_connection(config: Config, d: int) -> Nodes:
    """Build `DeepseekV4HyperConnection`, which mixes the streams that the states run in."""
    mixed = (2 + streams(config)) * streams(config)
    parts = parameter("fn", mixed, streams(config) * d), parameter("base", mixed), parameter("scale", 3)
    return [*hollow("input_norm"), *(node for part in parts for node in part)]


def hyper_head(config: Config, d: int) -> Nodes:
    """Build `DeepseekV4HyperHead`, which makes one stream of them."""
    count = streams(config)
    parts = parameter("hc_fn", count, count * d), parameter("hc_base", count), parameter("hc_scale", 1)
    return under("hc_head", hollow("input_norm"), *parts)


def mixture(config: Config, d: int, *, hashed: bool) -> Iterator[Node]:
    """Build `DeepseekV4SparseMoeBlock`; where `hashed`, a table says which experts a token goes to."""
    count = config.size("num_local_experts", "n_routed_experts", default=256)
    inner = config.size("intermediate_size", "moe_intermediate_size", default=2048)
    yield from experts(d, inner, count)
    yield from hollow("gate.score_fn")
    if hashed:
        chosen = config.size("num_experts_per_tok", default=6)
        yield from buffer("gate.tid2eid", vocabulary(config), chosen, dtype="I64")
    else:
        yield from buffer(f"gate.{CORRECTION}", count)
    yield from under("shared_experts", gated(d, inner, bias=config.flag("mlp_bias", default=False)))


def body(config: Config) -> Nodes:
    """Build `DeepseekV4Model`."""
    d = hidden(config)
    layers = config.layers("num_hidden_layers", default=43)
    first = config.number("num_hash_layers", default=3)
    hashed = [HASHED if index < first else ROUTED for index in range(layers)]
    feed_forwards = layer_types(config, "mlp_layer_types", hashed, known=(HASHED, ROUTED))
    kinds = [*zip(attention_types(config, layers), feed_forwards, strict=True)]
    common = [
        *norm("input_layernorm", d),
        *norm("post_attention_layernorm", d),
        *under("attn_hc", hyper_connection(config, d)),
        *under("ffn_hc", hyper_connection(config, d)),
    ]
    blocks = {
        (attention, feed_forward): [
            *under("self_attn", compressed_attention(config, d, attention)),
            *under("mlp", mixture(config, d, hashed=feed_forward == HASHED)),
            *common,
        ]
        for attention, feed_forward in kinds
    }
    return [*layered_decoder(vocabulary(config), d, [blocks[kind] for kind in kinds]), *hyper_head(config, d)]


FAMILY = Family(
    "deepseek_v4",
    classes("DeepseekV4", body, hidden=hidden, vocabulary=vocabulary, tasks=TASKS[:2]),
    PromptSizes(hidden=4096, layers=43, heads=64, groups=1, head_width=512),
    feed_forward="moe_intermediate_size",
)
