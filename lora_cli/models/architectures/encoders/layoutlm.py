"""LayoutLM: `transformers.models.layoutlm`, which is BERT with places on a page."""

from __future__ import annotations

from lora_cli.models.architectures.encoders.bert import FAMILY as BERT
from lora_cli.models.config import Config
from lora_cli.models.family import Family
from lora_cli.models.parts.encoder import bare, layers, pooler, sizes, words
from lora_cli.models.parts.layers import Nodes, embedding
from lora_cli.models.parts.passes.encoder_heads import ANSWERS, PREDICTIONS, TOKENS, task_classes


def _body(config: Config) -> Nodes:
    size = sizes(config)
    places = config.size("max_2d_position_embeddings", default=1024)
    return [
        *words(size),
        *(node for axis in "xyhw" for node in embedding(f"embeddings.{axis}_position_embeddings", places, size.d)),
        *layers(size),
        *pooler(size.d),
    ]


TASKS = {
    "ForMaskedLM": PREDICTIONS,
    "ForSequenceClassification": TOKENS,
    "ForTokenClassification": TOKENS,
    "ForQuestionAnswering": ANSWERS,
}

FAMILY = Family(
    "layoutlm",
    {**task_classes("LayoutLM", "layoutlm", _body, sizes, TASKS), "LayoutLMModel": bare(_body)},
    BERT.sizes,
)
