"""MiniMax M2 and M2.5: `transformers.models.minimax_m2`, which leaves the multi-token-prediction layers out."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention, heads
from lora_cli.models.parts.decoder import TASKS, block, classes, decoder
from lora_cli.models.parts.decoder_pass import head_norms, rotated
from lora_cli.models.parts.experts import CORRECTION, experts
from lora_cli.models.parts.forward_pass import Body, Experts, Router
from lora_cli.models.parts.layers import Nodes, buffer, norm
from lora_cli.models.parts.mixture_pass import mixed_body
from lora_cli.models.parts.passes.rotary import rotated_width

hidden = size("hidden_size", 3072)
vocabulary = size("vocab_size", 200064)


def body(config: Config) -> Nodes:
    """Build `MiniMaxM2Model`, which has a norm on all of q and one on all of k."""
    d = hidden(config)
    shape = count, groups, width = heads(config, d, count=48, groups=8, width=128)
    projections = *attention(d, *shape), *norm("q_norm", count * width), *norm("k_norm", groups * width)
    inner = config.size("intermediate_size", default=1536)
    routed = config.size("num_experts", "num_local_experts", default=256)
    return decoder(
        vocabulary(config),
        d,
        config.layers("num_hidden_layers", default=62),
        block(d, projections, (*experts(d, inner, routed), *buffer(CORRECTION, routed))),
    )


def forward(config: Config) -> Body:
    """Describe the pass through `MiniMaxM2Model`."""
    shape = heads(config, hidden(config), count=48, groups=8, width=128)
    named = config.number("rotary_dim", default=shape[2])
    width = rotated_width(config, shape[2], default=named / shape[2])
    attended = rotated(shape, config)._replace(rotary=width, by_heads=True, norms=head_norms())
    router = Router(config.size("num_experts_per_tok", default=8), kind="sigmoid", lowered=False)
    return mixed_body(config, attended, [True] * config.layers("num_hidden_layers", default=62), Experts(router))


FAMILY = Family(
    "minimax_m2",
    classes("MiniMaxM2", body, hidden=hidden, vocabulary=vocabulary, tasks=TASKS[:2]),
    PromptSizes(hidden=3072, layers=62, heads=48, groups=8, head_width=128),
    forward=forward,
)
