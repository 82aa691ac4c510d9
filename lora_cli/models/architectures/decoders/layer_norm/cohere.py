"""Command R and the first Aya models: `transformers.models.cohere`."""

from __future__ import annotations

from collections.abc import Iterable

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import biased, heads
from lora_cli.models.parts.decoder import classes, decoder
from lora_cli.models.parts.decoder_pass import gated_pass, head_norms, heads_with, rotated
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.forward_pass import Attention, Body, Norm, side_by_side
from lora_cli.models.parts.layers import Nodes, norm, parameter, under
from lora_cli.models.parts.passes.class_heads import Scaled

hidden = size("hidden_size", 8192)
vocabulary = size("vocab_size", 256000)


def body(config: Config) -> Nodes:
    """Build `CohereModel`."""
    return of_norms(config, head_norms=config.flag("use_qk_norm", default=False))


def of_norms(config: Config, *, head_norms: bool) -> Nodes:
    """Build one norm per layer and, with `head_norms`, a weight for every head of q and k."""
    d = hidden(config)
    count, groups, width = heads(config, d, count=64)
    return decoder(
        vocabulary(config),
        d,
        config.layers("num_hidden_layers", default=40),
        under(
            "self_attn",
            biased(config, d, (count, groups, width)),
            parameter("q_norm.weight", count, width) if head_norms else (),
            parameter("k_norm.weight", groups, width) if head_norms else (),
        ),
        under("mlp", gated(d, config.size("intermediate_size", default=22528))),
        norm("input_layernorm", d),
    )


def forward(config: Config) -> Body:
    """Describe the pass through `CohereModel`, in which attention and feed-forward share one norm."""
    _, _, width = shape = heads(config, hidden(config), count=64)
    attention = rotated(shape, config)._replace(
        rotary_kind="float_pairs",
        norms=head_norms("layer_float", width) if config.flag("use_qk_norm", default=False) else None,
        norm_time="all_projected",
    )
    return of_attentions(config, [attention] * config.layers("num_hidden_layers", default=40))


def of_attentions(config: Config, attentions: Iterable[Attention]) -> Body:
    """Describe layers whose attention and feed-forward share one norm."""
    inner, before = gated_pass(config), Norm("input_layernorm", "layer_float")
    blocks = [side_by_side(each, inner, before) for each in attentions]
    return Body(blocks, Norm("norm", "layer_float"))


TASKS = ("ForCausalLM", "Model")
HEADS = heads_with(lambda _: (Scaled(),))
FAMILY = Family(
    "cohere",
    classes("Cohere", body, hidden=hidden, vocabulary=vocabulary, tied_by_default=True, tasks=TASKS),
    PromptSizes(hidden=8192, layers=40, heads=64, groups="heads"),
    forward=forward,
    heads=HEADS,
)
