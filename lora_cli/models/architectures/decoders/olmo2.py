"""OLMo 2: `transformers.models.olmo2`."""

from __future__ import annotations

from collections.abc import Iterable

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import biased, heads
from lora_cli.models.parts.decoder import block, classes, decoder
from lora_cli.models.parts.decoder_pass import NO_NORMS, POST_NORMS, gated_pass, head_norms, layer_pass, rotated
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.forward_pass import Attention, Body, Norm
from lora_cli.models.parts.layers import Nodes, norm

hidden = size("hidden_size", 4096)
vocabulary = size("vocab_size", 50304)


def body(config: Config) -> Nodes:
    """Build `Olmo2Model`, which norms what leaves a block, and q and k over all their heads."""
    d = hidden(config)
    shape = count, groups, width = heads(config, d, count=32)
    projections = *biased(config, d, shape), *norm("q_norm", count * width), *norm("k_norm", groups * width)
    inner = config.size("intermediate_size", default=11008)
    return decoder(
        vocabulary(config),
        d,
        config.layers("num_hidden_layers", default=32),
        block(d, projections, gated(d, inner), norms=POST_NORMS),
    )


def attention_pass(config: Config) -> Attention:
    """Describe `Olmo2Attention`."""
    attention = rotated(heads(config, hidden(config), count=32), config)
    return attention._replace(norms=head_norms("rms_weigh_first"), rotary_kind="float_angles")


def forward(config: Config) -> Body:
    """Describe the pass through `Olmo2Model`."""
    return of_attentions(config, [attention_pass(config)] * config.layers("num_hidden_layers", default=32))


def of_attentions(config: Config, attentions: Iterable[Attention]) -> Body:
    """Describe layers that norm what leaves each part."""
    inner = gated_pass(config)
    layers = [layer_pass(each, inner, kind="rms_weigh_first", before=NO_NORMS, after=POST_NORMS) for each in attentions]
    return Body(layers, Norm("norm", "rms_weigh_first"))


TASKS = ("ForCausalLM", "Model", "ForSequenceClassification")
FAMILY = Family(
    "olmo2",
    classes("Olmo2", body, hidden=hidden, vocabulary=vocabulary, tasks=TASKS),
    PromptSizes(hidden=4096, layers=32, heads=32, groups="heads"),
    forward=forward,
)
