"""Mixtures of experts, and decoders in which only some layers have experts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lora_cli.errors import InvalidInput, quote
from lora_cli.models.config import Config
from lora_cli.models.parts.decoder import PRE_NORMS, layered_decoder
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.layer_types import layer_types
from lora_cli.models.parts.layers import Node, Nodes, buffer, hollow, linear, norm, parameter, under

CORRECTION = "e_score_correction_bias"


def experts(d: int, inner: int, count: int, *, router: str | Nodes = "gate", gated: bool = True) -> Nodes:
    """Build a router and experts, mostly `gated`, whose weights transformers fuses into one parameter each.

    The router is a bare weight of that name, or else the nodes that it is made of.
    """
    return (
        *(parameter(f"{router}.weight", count, d) if isinstance(router, str) else router),
        *fused(d, inner, count, gated=gated),
        *hollow("experts.act_fn"),
    )


def corrected_router(d: int, count: int) -> Nodes:
    """Build DeepSeek's router, with a bias for each expert that no gradient trains."""
    return (*parameter("gate.weight", count, d), *buffer(f"gate.{CORRECTION}", count, dtype="F32"))


def fused(
    d: int, inner: int, count: int, *, gated: bool = True, transposed: bool = False, bias: bool = False
) -> Iterator[Node]:
    """Build the parameters of fused experts: each is outputs × inputs, as a Linear's, or `transposed`."""
    first = ("gate_up_proj", d, 2 * inner) if gated else ("up_proj", d, inner)
    for name, inputs, outputs in (first, ("down_proj", inner, d)):
        sizes = (inputs, outputs) if transposed else (outputs, inputs)
        yield from parameter(f"experts.{name}", count, *sizes)
        if bias:
            yield from parameter(f"experts.{name}_bias", count, outputs)


def experts_with_shared(
    config: Config,
    d: int,
    *,
    count: int,
    inner: int,
    shared: int,
    counts: tuple[str, ...] = ("num_local_experts", "n_routed_experts"),
    corrected: bool = True,
    bias: bool = False,
) -> Nodes:
    """Build DeepSeek's experts: those that tokens are routed to, and those that each takes as one feed-forward.

    The sizes are the defaults, and `counts` the names of the number of experts. The router may be a
    `corrected_router`; with `bias` the feed-forward has some.
    """
    count = config.size(*counts, default=count)
    inner = config.size("moe_intermediate_size", default=inner)
    shared = config.number("n_shared_experts", default=shared)
    return (
        *experts(d, inner, count, router=corrected_router(d, count) if corrected else "gate"),
        *under("shared_experts", gated(d, shared * inner, bias=bias)),
    )


def sparse_layers(config: Config, layers: int) -> list[bool]:
    """Return for each layer whether it has experts: every `decoder_sparse_step`th, but none of `mlp_only_layers`."""
    step = config.size("decoder_sparse_step", default=1)
    dense = config.items("mlp_only_layers") or []
    if not all(type(index) is int for index in dense):
        raise InvalidInput(f"{config.source}: mlp_only_layers is {quote(dense)}; it must be a list of whole numbers")
    left_out = set(dense)
    return [index not in left_out and (index + 1) % step == 0 for index in range(layers)]


def dense_first(config: Config, layers: int, *, dense: int, name: str = "first_k_dense_replace") -> list[bool]:
    """Return for each layer whether it has experts: all but the first ones, by default `dense` of them."""
    first = config.number(name, default=dense)
    return [index >= first for index in range(layers)]


def sparse_types(config: Config, layers: int, *, dense: int) -> list[bool]:
    """Return for each layer whether it has experts, by `mlp_layer_types` or else as all but the first `dense` ones."""
    default = ["dense"] * min(dense, layers) + ["sparse"] * (layers - dense)
    return [kind == "sparse" for kind in layer_types(config, "mlp_layer_types", default)]


def mixed_blocks(sparse: Sequence[bool], *common: Nodes, experts: Nodes, dense: Nodes) -> list[Nodes]:
    """Return the layers of a decoder, which share what is `common`; `mlp` is a mixture of `experts`, or `dense`."""
    shared = [node for part in common for node in part]
    blocks = {True: [*shared, *under("mlp", experts)], False: [*shared, *under("mlp", dense)]}
    return [blocks[has_experts] for has_experts in sparse]


def mixed_decoder(
    vocabulary: int, d: int, sparse: Sequence[bool], attention: Nodes, *, experts: Nodes, dense: Nodes
) -> Nodes:
    """Build a decoder whose layers share their `attention`, and have either `experts` or a `dense` feed-forward."""
    common = under("self_attn", attention), *(norm(name, d) for name in PRE_NORMS)
    return layered_decoder(vocabulary, d, mixed_blocks(sparse, *common, experts=experts, dense=dense))


def shared_expert(d: int, inner: int) -> Nodes:
    """Build the expert that every token takes, and its gate, as Qwen's mixtures have them."""
    return (*under("shared_expert", gated(d, inner)), *linear("shared_expert_gate", d, 1))
