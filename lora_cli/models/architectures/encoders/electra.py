"""ELECTRA, generator and discriminator: `transformers.models.electra`."""

from __future__ import annotations

from lora_cli.errors import InvalidInput
from lora_cli.models.config import Config
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.encoder import Sizes, bare, dense, layers, sizes, words
from lora_cli.models.parts.forward_pass import Body
from lora_cli.models.parts.heads import sequence_summary
from lora_cli.models.parts.layers import Nodes, hollow, under
from lora_cli.models.parts.passes.encoder_heads import (
    ANSWERS,
    TOKENS,
    EncoderHead,
    gelu,
    passes,
    sequence_head,
    task_classes,
    word_head,
)
from lora_cli.models.parts.passes.encoder_pass import encoder


def _sizes(config: Config) -> Sizes:
    width = config.size("embedding_size", default=128)
    return sizes(config, d=256, heads=4, inner=1024)._replace(width=width)


def _body(config: Config) -> Nodes:
    size = _sizes(config)
    return [
        *words(size),
        *(dense("embeddings_project", size.width, size.d) if size.width != size.d else ()),
        *layers(size),
    ]


def _discriminator(_: Config, size: Sizes) -> Nodes:
    parts = dense("dense", size.d, size.d), hollow("activation"), dense("dense_prediction", size.d, 1)
    return under("discriminator_predictions", *parts)


def _choice(config: Config, size: Sizes) -> Nodes:
    """Build `ElectraSequenceSummary`, which may have as many outputs as there are labels, and one score."""
    if config.text("summary_type", default="first") == "attn":
        raise InvalidInput(f"{config.source}: summary_type is 'attn', which transformers has not implemented")
    projects = config.flag("summary_use_proj", default=True)
    labels = config.labels() if config.flag("summary_proj_to_labels", default=False) else 0
    summary = dense("summary", size.d, labels or size.d) if projects else hollow("summary")
    return [*under("sequence_summary", sequence_summary(summary)), *dense("classifier", size.d, 1)]


def forward(config: Config) -> Body:
    """Describe the pass through `ElectraModel`, whose embeddings may be narrower than its layers."""
    size = _sizes(config)
    projection = "embeddings_project" if size.width != size.d else None
    return encoder(config, size, projection=projection)


WORDS = word_head(
    "generator_predictions.dense",
    "generator_predictions.LayerNorm",
    "generator_lm_head",
    hollows=("generator_predictions.activation",),
    activation=gelu,
)
HEADS = {
    "ForMaskedLM": WORDS,
    "ForPreTraining": EncoderHead(_discriminator),
    "ForCausalLM": WORDS._replace(passed=None),
    "ForSequenceClassification": sequence_head(
        "classifier.dense", "classifier.out_proj", "gelu", hollows=("classifier.activation", "classifier.dropout")
    ),
    "ForTokenClassification": TOKENS,
    "ForQuestionAnswering": ANSWERS,
    "ForMultipleChoice": EncoderHead(_choice),
}

FAMILY = Family(
    "electra",
    {**task_classes("Electra", "electra", _body, _sizes, HEADS), "ElectraModel": bare(_body)},
    PromptSizes(hidden=256, layers=12, heads=4),
    forward=forward,
    heads=passes(HEADS),
)
