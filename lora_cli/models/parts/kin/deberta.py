"""What both generations of DeBERTa share: embeddings, the fields of disentangled attention, and classes.

Several fields do not belong to the config classes; the modules take them from config.json if it has them.
"""

from __future__ import annotations

from collections.abc import Mapping

from lora_cli.models.config import Config
from lora_cli.models.parts.encoder import WORDS, Sizes, bare, dense, dense_norm, with_tables
from lora_cli.models.parts.layers import Build, Nodes, Part, Skeleton, embedding, hollow, linear, norm, parameter, under
from lora_cli.models.parts.passes.encoder_heads import ANSWERS, PREDICTIONS, TOKENS, EncoderHead, task_classes


def hidden(config: Config) -> int:
    """Return the width."""
    return config.size("hidden_size", default=1536)


def sizes(config: Config) -> Sizes:
    """Return the sizes, by default those of v2. There may be no types of tokens."""
    d = hidden(config)
    size = with_tables(
        config,
        d,
        config.size("embedding_size", default=d),
        config.size("num_attention_heads", default=24),
        config.size("intermediate_size", default=6144),
        config.layers("num_hidden_layers", default=24),
        vocabulary=128100,
    )
    return size._replace(types=config.number("type_vocab_size", default=0))


def is_relative(config: Config) -> bool:
    """Return whether attention asks of relative positions."""
    return config.flag("relative_attention", default=False)


def split_by_bars(text: str) -> list[str]:
    """Return the words that a text joins by |, in lower case."""
    return [part.strip() for part in text.lower().split("|")]


def embeddings(config: Config) -> Nodes:
    """Build `DebertaV2Embeddings`."""
    size = sizes(config)
    d, width = size.d, size.width
    absolute = config.flag("position_biased_input", default=True)
    return under(
        "embeddings",
        embedding("word_embeddings", size.vocabulary, width),
        embedding("position_embeddings", size.positions, width) if absolute else (),
        embedding("token_type_embeddings", size.types, width) if size.types else (),
        linear("embed_proj", width, d) if width != d else (),
        norm("LayerNorm", d, bias=True),
        hollow("dropout"),
    )


def kinds(config: Config) -> list[str]:
    """Return what attention asks of positions: c2p, p2c or both, which config.json lists or joins by |."""
    if isinstance(config.fields.get("pos_att_type"), str):
        return split_by_bars(config.text("pos_att_type", default=""))
    return config.items("pos_att_type") or []


def _predictions(config: Config) -> Nodes:
    size = sizes(config)
    return [
        *dense_norm("lm_predictions.lm_head", size.d, size.d, "transform_act_fn"),
        *parameter("lm_predictions.lm_head.bias", size.vocabulary),
    ]


def _pooled(head: EncoderHead) -> EncoderHead:
    """Return a head behind a pooler."""

    def nodes(config: Config, size: Sizes) -> Nodes:
        d = config.size("pooler_hidden_size", default=size.d)
        return [*under("pooler", dense("dense", d, d), hollow("dropout")), *head.nodes(config, size)]

    return EncoderHead(nodes)


HEADS = {
    "ForSequenceClassification": _pooled(TOKENS),
    "ForTokenClassification": TOKENS,
    "ForQuestionAnswering": ANSWERS,
}
# Which only v2 has.
CHOICE = {"ForMultipleChoice": _pooled(TOKENS.of_one_choice())}


def classes(stem: str, body: Part, heads: Mapping[str, EncoderHead] = HEADS) -> dict[str, Build]:
    """Return the classes of both generations of DeBERTa."""
    legacy = task_classes(stem, "deberta", body, sizes, {"ForMaskedLM": PREDICTIONS})[f"{stem}ForMaskedLM"]

    def masked(config: Config) -> Skeleton:
        """Build the class that without `legacy` has no decoder: it uses the word embeddings themselves."""
        if config.flag("legacy", default=True):
            return legacy(config)
        nodes = [*under("deberta", body(config)), *_predictions(config)]
        return Skeleton(nodes, output="lm_predictions.lm_head.dense", embeddings=f"deberta.{WORDS}")

    return {
        f"{stem}ForMaskedLM": masked,
        **task_classes(stem, "deberta", body, sizes, heads),
        f"{stem}Model": bare(body),
    }
