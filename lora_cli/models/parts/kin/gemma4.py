"""The text decoder of Gemma 4, whose layers differ: in their heads, in what they share, and in experts.

Gemma 3n has some of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from lora_cli.errors import InvalidInput, quote
from lora_cli.models.config import Config, size
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.layer_types import ATTENTION, SLIDING, layer_kinds
from lora_cli.models.parts.layer_windows import sliding_but_every
from lora_cli.models.parts.layers import (
    Node,
    Nodes,
    buffer,
    embedding,
    hollow,
    linear,
    listed,
    norm,
    parameter,
    under,
)

PATTERN = 6
NORMS = ("input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm", "post_feedforward_layernorm")

hidden = size("hidden_size", 2304)
vocabulary = size("vocab_size", 262144)


class Layer(NamedTuple):
    """What a layer has of its own: groups, the width of a head, whether it sees all, and whether it reuses keys and values."""

    groups: int
    width: int
    is_full: bool
    reuses: bool


def layer_types(config: Config) -> list[str]:
    """Return the types of the layers, of which the last always sees all."""
    count = config.layers("num_hidden_layers", default=30)
    types = layer_kinds(
        config, "layer_types", layers=count, known=(ATTENTION, SLIDING), default=sliding_but_every(PATTERN)
    )
    return [*types[:-1], ATTENTION] if types else []


def overrides(config: Config, types: list[str]) -> Iterator[Config]:
    """Yield for each layer the fields in which it differs: those in `per_layer_config`, or in the older fields."""
    older = {"head_dim": config.size("global_head_dim", default=512)}
    if config.flag("attention_k_eq_v", default=False) and config.fields.get("num_global_key_value_heads") is not None:
        older["num_key_value_heads"] = config.needed("num_global_key_value_heads")
    given = config.section("per_layer_config")
    by_layer = {int(key): given.section(key) for key in given.fields if key.isdecimal()}
    for index, kind in enumerate(types):
        if "per_layer_config" not in config.fields:
            yield Config(older if kind == ATTENTION else {}, config.source)
        else:
            yield by_layer.get(index, Config({}, given.source))


def first_reusing(config: Config, types: list[str], *, default: int = 0) -> int:
    """Return the first of the layers that reuse keys and values, each of which needs an earlier one of its type."""
    shared = config.number("num_kv_shared_layers", default=default, most=len(types))
    first = len(types) - shared
    if shared and set(types[:first]) != set(types):
        raise InvalidInput(
            f"{config.source}: num_kv_shared_layers is {quote(shared)}, which leaves layers of a type without keys and values"
        )
    return first


def layers(config: Config) -> list[Layer]:
    """Return the layers of the decoder, which differ."""
    types = layer_types(config)
    groups, width = config.size("num_key_value_heads", default=4), config.size("head_dim", default=256)
    first = first_reusing(config, types)
    own = overrides(config, types)
    found = [
        Layer(
            layer.size("num_key_value_heads", default=groups),
            layer.size("head_dim", default=width),
            kind == ATTENTION,
            index >= first,
        )
        for index, (kind, layer) in enumerate(zip(types, own, strict=True))
    ]
    if len({layer[:3] for layer in found}) > len(set(types)):
        raise InvalidInput(
            f"{config.source}: per_layer_config makes layers of one type differ, which transformers refuses"
        )
    return found


def widest(config: Config) -> tuple[int, int]:
    """Return the groups and the width of the first layer with wider heads than the others, as PEFT looks for it."""
    base = Layer(config.size("num_key_value_heads", default=4), config.size("head_dim", default=256), False, False)
    found = max([base, *layers(config)], key=lambda layer: layer.width)
    return found.groups, found.width


def attention(config: Config, d: int, layer: Layer) -> Nodes:
    """Build `self_attn`, with a norm on each head; a layer that reuses keys and values has none of its own."""
    heads = config.size("num_attention_heads", default=8)
    bias = config.flag("attention_bias", default=False)
    inner, outer = heads * layer.width, layer.groups * layer.width
    has_values = not (layer.is_full and config.flag("attention_k_eq_v", default=False))
    own: Iterable[Nodes] = (
        norm("k_norm", layer.width),
        hollow("v_norm"),
        linear("k_proj", d, outer, bias=bias),
        linear("v_proj", d, outer, bias=bias) if has_values else (),
    )
    return under(
        "self_attn",
        linear("q_proj", d, inner, bias=bias),
        norm("q_norm", layer.width),
        *(() if layer.reuses else own),
        linear("o_proj", inner, d, bias=bias),
    )


def _experts(config: Config, d: int) -> Nodes:
    if not config.flag("enable_moe_block", default=False):
        return ()
    count, inner = config.needed("num_experts"), config.needed("moe_intermediate_size")
    norms = "post_feedforward_layernorm_1", "post_feedforward_layernorm_2", "pre_feedforward_layernorm_2"
    return [
        *hollow("router.norm"),
        *linear("router.proj", d, count),
        *parameter("router.scale", d),
        *parameter("router.per_expert_scale", count),
        *parameter("experts.gate_up_proj", count, 2 * inner, d),
        *parameter("experts.down_proj", count, d, inner),
        *hollow("experts.act_fn"),
        *(node for name in norms for node in norm(name, d)),
    ]


def layer_words(d: int, narrow: int) -> Nodes:
    """Build what adds its own words to a layer, `narrow` wide."""
    return [
        *hollow("act_fn"),
        *linear("per_layer_input_gate", d, narrow),
        *linear("per_layer_projection", narrow, d),
        *norm("post_per_layer_input_norm", d),
    ]


def words_of_layers(config: Config, d: int, layers: int, narrow: int) -> Nodes:
    """Build the embeddings of the words of all layers."""
    rows, width = config.size("vocab_size_per_layer_input", default=262144), layers * narrow
    return [
        *embedding("embed_tokens_per_layer", rows, width),
        *linear("per_layer_model_projection", d, width),
        *norm("per_layer_projection_norm", narrow),
    ]


def _layer(config: Config, d: int, layer: Layer, narrow: int) -> list[Node]:
    wide = config.flag("use_double_wide_mlp", default=False) and layer.reuses
    inner = config.size("intermediate_size", default=9216) * (1 + wide)
    return [
        *attention(config, d, layer),
        *under("mlp", gated(d, inner)),
        *(node for name in NORMS for node in norm(name, d)),
        *buffer("layer_scalar", 1),
        *(layer_words(d, narrow) if narrow else ()),
        *_experts(config, d),
    ]


def decoder(config: Config, *, narrow: int) -> Iterator[Node]:
    """Build `Gemma4TextModel`; each layer takes words once more, `narrow` wide, unless that is 0."""
    d = hidden(config)
    found = layers(config)
    kinds = {layer: _layer(config, d, layer, narrow) for layer in set(found)}
    yield from embedding("embed_tokens", vocabulary(config), d)
    yield from listed("layers", [kinds[layer] for layer in found])
    yield from norm("norm", d)
    yield from hollow("rotary_emb")
    if narrow:
        yield from words_of_layers(config, d, len(found), narrow)
