"""LayoutLM: `transformers.models.layoutlm`, which is BERT with places on a page."""

from __future__ import annotations

from lora_cli.models.architectures.encoders.bert import FAMILY as BERT
from lora_cli.models.architectures.encoders.bert import predicting, predictions
from lora_cli.models.config import Config
from lora_cli.models.family import Family
from lora_cli.models.parts.encoder import answers, bare, classifier, headed, layers, pooler, sizes, words
from lora_cli.models.parts.layers import Nodes, embedding


def _body(config: Config) -> Nodes:
    size = sizes(config)
    places = config.size("max_2d_position_embeddings", default=1024)
    return [
        *words(size, size.d),
        *(node for axis in "xyhw" for node in embedding(f"embeddings.{axis}_position_embeddings", places, size.d)),
        *layers(size),
        *pooler(size.d),
    ]


FAMILY = Family(
    "layoutlm",
    {
        "LayoutLMForMaskedLM": predicting("layoutlm", _body, predictions),
        "LayoutLMModel": bare(_body),
        "LayoutLMForSequenceClassification": headed("layoutlm", _body, classifier),
        "LayoutLMForTokenClassification": headed("layoutlm", _body, classifier),
        "LayoutLMForQuestionAnswering": headed("layoutlm", _body, answers),
    },
    BERT.sizes,
)
