"""ERNIE 4.5 with experts: `transformers.models.ernie4_5_moe`, which leaves the multi-token-prediction layers out."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention, heads
from lora_cli.models.parts.decoder import TASKS, classes
from lora_cli.models.parts.decoder_pass import rotated
from lora_cli.models.parts.experts import CORRECTION, experts, mixed_decoder
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.forward_pass import Body, Experts, FeedForward, Router
from lora_cli.models.parts.layers import Nodes, parameter, under
from lora_cli.models.parts.mixture_pass import mixed_body

hidden = size("hidden_size", 2560)
vocabulary = size("vocab_size", 103424)


def biased(config: Config) -> bool:
    """Return whether all Linears have biases, but for the router."""
    return config.flag("use_bias", default=False)


def sparse(config: Config, layers: int) -> list[bool]:
    """Return for each layer whether it has experts: every so many within a range, whose end may be -1, the last."""
    step = config.size("moe_layer_interval", default=1)
    first = config.number("moe_layer_start_index", default=1)
    last = config.number("moe_layer_end_index", default=-1, least=-1)
    last = layers - 1 if last == -1 else last
    return [first <= index <= last and (index + 1) % step == 0 for index in range(layers)]


def mixture(config: Config, d: int) -> Nodes:
    """Build `Ernie4_5_MoeSparseMoeBlock`, whose router is always of float32."""
    count = config.size("num_experts", "moe_num_experts", default=64)
    inner = config.size("moe_intermediate_size", default=1536)
    shared = config.number("moe_num_shared_experts", default=2)
    router = (
        *parameter("gate.weight", count, d, dtype="F32"),
        *parameter(f"gate.moe_statics.{CORRECTION}", 1, count, dtype="F32"),
    )
    together = under("shared_experts", gated(d, shared * inner, bias=biased(config))) if shared else ()
    return (*experts(d, inner, count, router=router), *together)


def body(config: Config) -> Nodes:
    """Build `Ernie4_5_MoeModel`."""
    d, bias = hidden(config), biased(config)
    return mixed_decoder(
        vocabulary(config),
        d,
        sparse(config, config.layers("num_hidden_layers", default=28)),
        attention(d, *heads(config, d, count=20, groups=4), bias=bias, output_bias=bias),
        experts=mixture(config, d),
        dense=gated(d, config.size("intermediate_size", default=12288), bias=bias),
    )


def forward(config: Config) -> Body:
    """Describe the pass through `Ernie4_5_MoeModel`, whose attention never drops anything."""
    router = Router(
        config.size("num_experts_per_tok", "moe_k", default=6), kind="softmax_corrected", raised=True, guarded=True
    )
    shared = FeedForward("shared_experts") if config.number("moe_num_shared_experts", default=2) else None
    attended = rotated(heads(config, hidden(config), count=20, groups=4), config)
    return mixed_body(
        config,
        attended._replace(rotary_kind="pairs_in_float", dropout=0.0),
        sparse(config, config.layers("num_hidden_layers", default=28)),
        Experts(router, shared=shared, shared_first=True),
    )


FAMILY = Family(
    "ernie4_5_moe",
    classes(
        "Ernie4_5_Moe",
        body,
        hidden=hidden,
        vocabulary=vocabulary,
        tied_by_default=True,
        head_bias=biased,
        tasks=TASKS[:2],
    ),
    PromptSizes(hidden=2560, layers=28, heads=20, groups=4),
    forward=forward,
)
