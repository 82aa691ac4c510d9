"""What both generations of DeBERTa share: embeddings, the fields of disentangled attention, and classes.

Several fields do not belong to the config classes; the modules take them from config.json if it has them.
"""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.parts.encoder import WORDS, bare, dense, dense_norm, headed
from lora_cli.models.parts.layers import Build, Nodes, Part, Skeleton, embedding, hollow, linear, norm, parameter, under


def hidden(config: Config) -> int:
    """Return the width."""
    return config.size("hidden_size", default=1536)


def _width(config: Config) -> int:
    return config.size("embedding_size", default=hidden(config))


def _vocabulary(config: Config) -> int:
    return config.size("vocab_size", default=128100)


def positions(config: Config) -> int:
    """Return the number of absolute positions."""
    return config.size("max_position_embeddings", default=512)


def is_relative(config: Config) -> bool:
    """Return whether attention asks of relative positions."""
    return config.flag("relative_attention", default=False)


def split_by_bars(text: str) -> list[str]:
    """Return the words that a text joins by |, in lower case."""
    return [part.strip() for part in text.lower().split("|")]


def embeddings(config: Config) -> Nodes:
    """Build `DebertaV2Embeddings`."""
    d, width = hidden(config), _width(config)
    types = config.number("type_vocab_size", default=0)
    absolute = config.flag("position_biased_input", default=True)
    return under(
        "embeddings",
        embedding("word_embeddings", _vocabulary(config), width),
        embedding("position_embeddings", positions(config), width) if absolute else (),
        embedding("token_type_embeddings", types, width) if types else (),
        linear("embed_proj", width, d) if width != d else (),
        norm("LayerNorm", d, bias=True),
        hollow("dropout"),
    )


def kinds(config: Config) -> list[str]:
    """Return what attention asks of positions: c2p, p2c or both, which config.json lists or joins by |."""
    if isinstance(config.fields.get("pos_att_type"), str):
        return split_by_bars(config.text("pos_att_type", default=""))
    return config.items("pos_att_type") or []


def _legacy(config: Config) -> Nodes:
    width, vocabulary = _width(config), _vocabulary(config)
    return under(
        "cls.predictions",
        dense_norm("transform", hidden(config), width, "transform_act_fn"),
        dense("decoder", width, vocabulary),
        parameter("bias", vocabulary),
    )


def _predictions(config: Config) -> Nodes:
    d = hidden(config)
    return [
        *dense_norm("lm_predictions.lm_head", d, d, "transform_act_fn"),
        *parameter("lm_predictions.lm_head.bias", _vocabulary(config)),
    ]


def _pooler(config: Config) -> Nodes:
    d = config.size("pooler_hidden_size", default=hidden(config))
    return under("pooler", dense("dense", d, d), hollow("dropout"))


def _tokens(config: Config) -> Nodes:
    return [*hollow("dropout"), *dense("classifier", hidden(config), config.labels())]


def _sequences(config: Config) -> Nodes:
    return [*_pooler(config), *_tokens(config)]


def _answers(config: Config) -> Nodes:
    return dense("qa_outputs", hidden(config), config.labels())


def choice(config: Config) -> Nodes:
    """Build the pooler and the head of one score, which only v2 has."""
    return [*_pooler(config), *hollow("dropout"), *dense("classifier", hidden(config), 1)]


def classes(stem: str, body: Part) -> dict[str, Build]:
    """Return the classes of both generations of DeBERTa."""

    def masked(config: Config) -> Skeleton:
        """Build the class that without `legacy` has no decoder: it uses the word embeddings themselves."""
        if config.flag("legacy", default=True):
            tied = {"cls.predictions.decoder.bias": "cls.predictions.bias"}
            return headed("deberta", body, _legacy, output="cls.predictions.decoder", tied=tied)(config)
        nodes = [*under("deberta", body(config)), *_predictions(config)]
        return Skeleton(nodes, output="lm_predictions.lm_head.dense", embeddings=f"deberta.{WORDS}")

    heads = {"SequenceClassification": _sequences, "TokenClassification": _tokens, "QuestionAnswering": _answers}
    return {
        f"{stem}ForMaskedLM": masked,
        f"{stem}Model": bare(body),
        **{f"{stem}For{task}": headed("deberta", body, head) for task, head in heads.items()},
    }
