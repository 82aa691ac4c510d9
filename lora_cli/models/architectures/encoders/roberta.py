"""RoBERTa: `transformers.models.roberta`, whose heads several encoders have."""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.encoder import bare, defaulting, layers, pooler, sizes, words
from lora_cli.models.parts.forward_pass import Body
from lora_cli.models.parts.layers import Build, Nodes, Part
from lora_cli.models.parts.passes.encoder_heads import (
    ANSWERS,
    TOKENS,
    gelu,
    passes,
    sequence_head,
    task_classes,
    word_head,
)
from lora_cli.models.parts.passes.encoder_pass import encoder

WORDS = word_head("lm_head.dense", "lm_head.layer_norm", "lm_head.decoder", bias="lm_head.bias", activation=gelu)
HEADS = {
    "ForMaskedLM": WORDS,
    "ForSequenceClassification": sequence_head(
        "classifier.dense", "classifier.out_proj", "tanh", hollows=("classifier.dropout",)
    ),
    "ForTokenClassification": TOKENS,
    "ForQuestionAnswering": ANSWERS,
}
CAUSAL = {"ForCausalLM": WORDS._replace(passed=None)}
POOLED_HEADS = {"ForMultipleChoice": TOKENS.of_one_choice()}
PASSES = passes(HEADS)


def _body(config: Config) -> Nodes:
    size = sizes(config)
    return [*words(size), *layers(size)]


def classes(
    stem: str, body: Part = _body, *, prefix: str = "roberta", causal: bool = True, **defaults: int
) -> dict[str, Build]:
    """Return the classes of RoBERTa, or of what has its heads, with other `defaults` than BERT's."""

    def pooled(config: Config) -> Nodes:
        return [*body(config), *pooler(sizes(config).d)]

    heads = {**HEADS, **(CAUSAL if causal else {})}
    built = {
        **task_classes(stem, prefix, body, sizes, heads),
        **task_classes(stem, prefix, pooled, sizes, POOLED_HEADS),
        f"{stem}Model": bare(pooled),
    }
    return defaulting(built, **defaults)


def forward(config: Config) -> Body:
    """Describe the pass through `RobertaModel`."""
    return encoder(config, sizes(config), counted=True)


FAMILY = Family(
    "roberta",
    classes("Roberta", vocab_size=50265),
    PromptSizes(hidden=768, layers=12, heads=12),
    forward=forward,
    heads=PASSES,
)
