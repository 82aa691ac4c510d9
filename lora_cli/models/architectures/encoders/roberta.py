"""RoBERTa: `transformers.models.roberta`, whose heads several encoders have."""

from __future__ import annotations

from collections.abc import Iterable

from lora_cli.models.config import Config
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.encoder import (
    answers,
    bare,
    choice,
    classifier,
    defaulting,
    dense,
    headed,
    layers,
    pooler,
    sizes,
    words,
)
from lora_cli.models.parts.forward_pass import Body, Norm
from lora_cli.models.parts.layers import Build, Nodes, Part, hollow, norm, parameter, under
from lora_cli.models.parts.passes import class_heads, encoder_pass
from lora_cli.models.parts.passes.class_heads import Dense, Dropout, FirstToken, Head
from lora_cli.models.parts.passes.encoder_pass import Heads, dropped_before_labels, encoder, scored

TASKS = (
    "ForMaskedLM",
    "Model",
    "ForCausalLM",
    "ForSequenceClassification",
    "ForTokenClassification",
    "ForQuestionAnswering",
    "ForMultipleChoice",
)
BUT_CAUSAL = tuple(task for task in TASKS if task != "ForCausalLM")


def _classification(config: Config) -> Nodes:
    d = sizes(config).d
    return under("classifier", dense("dense", d, d), hollow("dropout"), dense("out_proj", d, config.labels()))


def _body(config: Config) -> Nodes:
    size = sizes(config)
    return [*words(size, size.d), *layers(size)]


def _predictions(config: Config) -> Nodes:
    size = sizes(config)
    return under(
        "lm_head",
        dense("dense", size.d, size.d),
        norm("layer_norm", size.d, bias=True),
        dense("decoder", size.d, size.vocabulary),
        parameter("bias", size.vocabulary),
    )


def classes(
    stem: str, body: Part = _body, *, prefix: str = "roberta", tasks: Iterable[str] = TASKS, **defaults: int
) -> dict[str, Build]:
    """Return the classes of RoBERTa, or of what has its heads, with other `defaults` than BERT's."""

    def pooled(config: Config) -> Nodes:
        return [*body(config), *pooler(sizes(config).d)]

    vocabulary = headed(
        prefix, body, _predictions, output="lm_head.decoder", tied={"lm_head.decoder.bias": "lm_head.bias"}
    )
    sequences = headed(prefix, body, _classification)
    tokens = headed(prefix, body, classifier)
    questions, choices = headed(prefix, body, answers), headed(prefix, pooled, choice)
    built = dict(zip(TASKS, (vocabulary, bare(pooled), vocabulary, sequences, tokens, questions, choices), strict=True))
    return defaulting({f"{stem}{task}": built[task] for task in tasks}, **defaults)


def forward(config: Config) -> Body:
    """Describe the pass through `RobertaModel`."""
    return encoder(config, sizes(config), counted=True)


def _labels(config: Config) -> Head:
    dropout = dropped_before_labels(config)
    dense = Dense("classifier.dense", "tanh", dropout)
    return Head((FirstToken(), Dropout(dropout), dense, Dense("classifier.out_proj")), "sequences")


HEADS: Heads = {
    "ForMaskedLM": scored(Dense("lm_head.dense", "gelu"), Norm("lm_head.layer_norm", "layer"), Dense(), loss="masked"),
    "ForSequenceClassification": _labels,
    "ForTokenClassification": encoder_pass.tokens,
    "ForQuestionAnswering": class_heads.scores_answer,
}

FAMILY = Family(
    "roberta",
    classes("Roberta", vocab_size=50265),
    PromptSizes(hidden=768, layers=12, heads=12),
    forward=forward,
    heads=HEADS,
)
