"""DeBERTa v2 and v3: `transformers.models.deberta_v2`.

Several fields do not belong to the config class; the modules take them from config.json if it has them.
"""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.encoder import WORDS, bare, dense, dense_norm, feed_forward, headed
from lora_cli.models.parts.layers import (
    Build,
    Nodes,
    Part,
    Skeleton,
    convolution,
    embedding,
    hollow,
    linear,
    norm,
    parameter,
    repeat,
    under,
)


def hidden(config: Config) -> int:
    """Return the width."""
    return config.size("hidden_size", default=1536)


def _width(config: Config) -> int:
    return config.size("embedding_size", default=hidden(config))


def _vocabulary(config: Config) -> int:
    return config.size("vocab_size", default=128100)


def _positions(config: Config) -> int:
    return config.size("max_position_embeddings", default=512)


def is_relative(config: Config) -> bool:
    """Return whether attention asks of relative positions."""
    return config.flag("relative_attention", default=False)


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.lower().split("|")]


def embeddings(config: Config) -> Nodes:
    """Build `DebertaV2Embeddings`."""
    d, width = hidden(config), _width(config)
    types = config.number("type_vocab_size", default=0)
    absolute = config.flag("position_biased_input", default=True)
    return under(
        "embeddings",
        embedding("word_embeddings", _vocabulary(config), width),
        embedding("position_embeddings", _positions(config), width) if absolute else (),
        embedding("token_type_embeddings", types, width) if types else (),
        linear("embed_proj", width, d) if width != d else (),
        norm("LayerNorm", d, bias=True),
        hollow("dropout"),
    )


def kinds(config: Config) -> list[str]:
    """Return what attention asks of positions: c2p, p2c or both, which config.json lists or joins by |."""
    if isinstance(config.fields.get("pos_att_type"), str):
        return _parts(config.text("pos_att_type", default=""))
    return config.items("pos_att_type") or []


def _attention(config: Config) -> Nodes:
    """Build `DisentangledSelfAttention`, whose positions have projections of their own unless they share."""
    d = hidden(config)
    heads = config.size("num_attention_heads", default=24)
    width = config.share(d, "hidden_size", heads, "num_attention_heads")
    inner = heads * config.size("attention_head_size", default=width)
    relative = is_relative(config)
    own = relative and not config.flag("share_att_key", default=False)
    asked = kinds(config) if own else []
    return [
        *dense("query_proj", d, inner),
        *dense("key_proj", d, inner),
        *dense("value_proj", d, inner),
        *(dense("pos_key_proj", d, inner) if "c2p" in asked else ()),
        *(dense("pos_query_proj", d, inner) if "p2c" in asked else ()),
        *hollow("dropout", *(["pos_dropout"] if relative else [])),
    ]


def _distances(config: Config) -> Nodes:
    """Build the embedding of relative positions, both ways, or of the buckets that they are put in."""
    buckets = config.number("position_buckets", default=-1, least=-1)
    furthest = config.number("max_relative_positions", default=-1, least=-1)
    reach = next(size for size in (buckets, furthest, _positions(config)) if size > 0)
    return embedding("rel_embeddings", 2 * reach, hidden(config))


def _convolution(config: Config) -> Nodes:
    """Build `ConvLayer`, which is there if it has a kernel."""
    d = hidden(config)
    kernel = config.number("conv_kernel_size", default=0)
    if not kernel:
        return ()
    groups = config.size("conv_groups", default=1)
    config.share(d, "hidden_size", groups, "conv_groups")
    return under(
        "conv",
        convolution("conv", d, d, kernel, groups=groups),
        norm("LayerNorm", d, bias=True),
        hollow("dropout"),
    )


def _body(config: Config) -> Nodes:
    d = hidden(config)
    inner = config.size("intermediate_size", default=6144)
    normed = "layer_norm" in _parts(config.text("norm_rel_ebd", default="none"))
    return [
        *embeddings(config),
        *repeat(
            "encoder.layer",
            config.layers("num_hidden_layers", default=24),
            under("attention.self", _attention(config)),
            dense_norm("attention.output", d, d, "dropout"),
            feed_forward(d, inner),
        ),
        *under(
            "encoder",
            _distances(config) if is_relative(config) else (),
            norm("LayerNorm", d, bias=True) if normed else (),
            _convolution(config),
        ),
    ]


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


def _choice(config: Config) -> Nodes:
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


FAMILY = Family(
    "deberta-v2",
    {**classes("DebertaV2", _body), "DebertaV2ForMultipleChoice": headed("deberta", _body, _choice)},
    PromptSizes(hidden=1536, layers=24, heads=24),
)
