"""OLMoE: `transformers.models.olmoe`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import biased, heads
from lora_cli.models.parts.decoder import TASKS, block, classes, decoder
from lora_cli.models.parts.decoder_pass import head_norms, rotated
from lora_cli.models.parts.experts import experts
from lora_cli.models.parts.forward_pass import Body, Experts
from lora_cli.models.parts.layers import Nodes, norm
from lora_cli.models.parts.mixture_pass import mixed_body, softmax_router

hidden = size("hidden_size", 2048)
vocabulary = size("vocab_size", 50304)


def body(config: Config) -> Nodes:
    """Build `OlmoeModel`, which has a norm on all of q and one on all of k, both sized without `head_dim`."""
    d = hidden(config)
    shape = count, groups, _ = heads(config, d, count=16)
    projections = *biased(config, d, shape), *norm("q_norm", d), *norm("k_norm", d // count * groups)
    inner = config.size("intermediate_size", default=2048)
    routed = config.size("num_local_experts", "num_experts", default=64)
    return decoder(
        vocabulary(config),
        d,
        config.layers("num_hidden_layers", default=16),
        block(d, projections, experts(d, inner, routed)),
    )


def forward(config: Config) -> Body:
    """Describe the pass through `OlmoeModel`."""
    attention = rotated(heads(config, hidden(config), count=16), config)._replace(
        norms=head_norms(), clipped=config.fields.get("clip_qkv") is not None
    )
    layers = config.layers("num_hidden_layers", default=16)
    return mixed_body(config, attention, [True] * layers, Experts(softmax_router(config, default=8, normed=False)))


FAMILY = Family(
    "olmoe",
    classes("Olmoe", body, hidden=hidden, vocabulary=vocabulary, tasks=TASKS[:2]),
    PromptSizes(hidden=2048, layers=16, heads=16, groups="heads"),
    forward=forward,
)
