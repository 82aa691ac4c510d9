"""RoBERTa: `transformers.models.roberta`, which XLM-RoBERTa copies with another vocabulary."""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.encoder import (
    answers,
    bare,
    choice,
    classifier,
    dense,
    headed,
    layers,
    pooler,
    sizes,
    words,
)
from lora_cli.models.parts.layers import Build, Nodes, Part, hollow, norm, parameter, under


def _classification(config: Config) -> Nodes:
    d = sizes(config).d
    return under("classifier", dense("dense", d, d), hollow("dropout"), dense("out_proj", d, config.labels()))


def classes(stem: str, vocabulary: int) -> dict[str, Build]:
    """Return the classes of RoBERTa or of a copy of it, whose default of `vocab_size` is `vocabulary`."""

    def body(config: Config) -> Nodes:
        size = sizes(config, vocabulary=vocabulary)
        return [*words(size, size.d), *layers(size)]

    def pooled(config: Config) -> Nodes:
        return [*body(config), *pooler(sizes(config).d)]

    def predictions(config: Config) -> Nodes:
        size = sizes(config, vocabulary=vocabulary)
        return under(
            "lm_head",
            dense("dense", size.d, size.d),
            norm("layer_norm", size.d, bias=True),
            dense("decoder", size.d, size.vocabulary),
            parameter("bias", size.vocabulary),
        )

    def under_roberta(body: Part, head: Part) -> Build:
        return headed("roberta", body, head)

    vocabulary_head = headed(
        "roberta", body, predictions, output="lm_head.decoder", tied={"lm_head.decoder.bias": "lm_head.bias"}
    )
    return {
        f"{stem}ForMaskedLM": vocabulary_head,
        f"{stem}Model": bare(pooled),
        f"{stem}ForCausalLM": vocabulary_head,
        f"{stem}ForSequenceClassification": under_roberta(body, _classification),
        f"{stem}ForTokenClassification": under_roberta(body, classifier),
        f"{stem}ForQuestionAnswering": under_roberta(body, answers),
        f"{stem}ForMultipleChoice": under_roberta(pooled, choice),
    }


FAMILY = Family(
    "roberta",
    classes("Roberta", 50265),
    PromptSizes(hidden=768, layers=12, heads=12),
)
