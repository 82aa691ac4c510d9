"""ELECTRA, generator and discriminator: `transformers.models.electra`."""

from __future__ import annotations

from lora_cli.errors import InvalidInput
from lora_cli.models.config import Config
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.encoder import Sizes, bare, dense, headed, layers, sizes, words
from lora_cli.models.parts.forward_pass import Body, Norm
from lora_cli.models.parts.heads import sequence_summary
from lora_cli.models.parts.layers import Nodes, Part, hollow, norm, under
from lora_cli.models.parts.passes import encoder_pass
from lora_cli.models.parts.passes.class_heads import Dense, Dropout, FirstToken, Head, scores_answer
from lora_cli.models.parts.passes.encoder_pass import dropped_before_labels, encoder, scored


def _sizes(config: Config) -> Sizes:
    return sizes(config, d=256, heads=4, inner=1024)


def _width(config: Config) -> int:
    return config.size("embedding_size", default=128)


def _body(config: Config) -> Nodes:
    size, width = _sizes(config), _width(config)
    return [
        *words(size, width),
        *(dense("embeddings_project", width, size.d) if width != size.d else ()),
        *layers(size),
    ]


def _generator(config: Config) -> Nodes:
    size, width = _sizes(config), _width(config)
    return [
        *under(
            "generator_predictions",
            norm("LayerNorm", width, bias=True),
            dense("dense", size.d, width),
            hollow("activation"),
        ),
        *dense("generator_lm_head", width, size.vocabulary),
    ]


def _discriminator(config: Config) -> Nodes:
    d = _sizes(config).d
    parts = dense("dense", d, d), hollow("activation"), dense("dense_prediction", d, 1)
    return under("discriminator_predictions", *parts)


def _classification(config: Config) -> Nodes:
    d = _sizes(config).d
    parts = dense("dense", d, d), hollow("activation", "dropout"), dense("out_proj", d, config.labels())
    return under("classifier", *parts)


def _summary(config: Config) -> Nodes:
    """Build `ElectraSequenceSummary`, which may have as many outputs as there are labels."""
    d = _sizes(config).d
    if config.text("summary_type", default="first") == "attn":
        raise InvalidInput(f"{config.source}: summary_type is 'attn', which transformers has not implemented")
    projects = config.flag("summary_use_proj", default=True)
    labels = config.labels() if config.flag("summary_proj_to_labels", default=False) else 0
    return under(
        "sequence_summary", sequence_summary(dense("summary", d, labels or d) if projects else hollow("summary"))
    )


def _choice(config: Config) -> Nodes:
    return [*_summary(config), *dense("classifier", _sizes(config).d, 1)]


def _labelled(name: str) -> Part:
    return lambda config: dense(name, _sizes(config).d, config.labels())


def _tokens(config: Config) -> Nodes:
    return [*hollow("dropout"), *_labelled("classifier")(config)]


def forward(config: Config) -> Body:
    """Describe the pass through `ElectraModel`, whose embeddings may be narrower than its layers."""
    size = _sizes(config)
    projection = "embeddings_project" if _width(config) != size.d else None
    return encoder(config, size, heads=4, projection=projection)


def _labels(config: Config) -> Head:
    dropout = dropped_before_labels(config)
    dense = Dense("classifier.dense", "gelu", dropout)
    return Head((FirstToken(), Dropout(dropout), dense, Dense("classifier.out_proj")), "sequences")


_vocabulary = headed("electra", _body, _generator, output="generator_lm_head")

FAMILY = Family(
    "electra",
    {
        "ElectraForMaskedLM": _vocabulary,
        "ElectraModel": bare(_body),
        "ElectraForPreTraining": headed("electra", _body, _discriminator),
        "ElectraForCausalLM": _vocabulary,
        "ElectraForSequenceClassification": headed("electra", _body, _classification),
        "ElectraForTokenClassification": headed("electra", _body, _tokens),
        "ElectraForQuestionAnswering": headed("electra", _body, _labelled("qa_outputs")),
        "ElectraForMultipleChoice": headed("electra", _body, _choice),
    },
    PromptSizes(hidden=256, layers=12, heads=4),
    forward=forward,
    heads={
        "ForMaskedLM": scored(
            Dense("generator_predictions.dense", "gelu"),
            Norm("generator_predictions.LayerNorm", "layer"),
            Dense(),
            loss="masked",
        ),
        "ForSequenceClassification": _labels,
        "ForTokenClassification": encoder_pass.tokens,
        "ForQuestionAnswering": scores_answer,
    },
)
