"""BART: `transformers.models.bart`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.heads import classification_head
from lora_cli.models.parts.layers import Nodes, Skeleton, embedding, linear, norm, under
from lora_cli.models.parts.seq2seq import stack_layers

OFFSET = 2  # BartLearnedPositionalEmbedding: positions start at 2


def hidden(config: Config) -> int:
    """Return the width; of its two names the newer one wins, as in transformers' attribute_map."""
    return config.size("hidden_size", "d_model", default=1024)


vocabulary = size("vocab_size", 50265)


def is_tied(config: Config) -> bool:
    """Return whether what takes and what gives the vocabulary share one weight."""
    return config.flag("tie_word_embeddings", default=True)


def stack(config: Config, side: str) -> Nodes:
    """Build `BartEncoder` or `BartDecoder`."""
    d = hidden(config)
    return [
        *embedding("embed_tokens", vocabulary(config), d),
        *embedding("embed_positions", config.size("max_position_embeddings", default=1024) + OFFSET, d),
        *stack_layers(config, side, d, layers=12, heads=16, inner=4096),
        *norm("layernorm_embedding", d, bias=True),
    ]


def bare(config: Config) -> Skeleton:
    """Build `BartModel`."""
    nodes = [
        *embedding("shared", vocabulary(config), hidden(config)),
        *under("encoder", stack(config, "encoder")),
        *under("decoder", stack(config, "decoder")),
    ]
    ties = {f"{side}.embed_tokens.weight": "shared.weight" for side in ("encoder", "decoder")}
    return Skeleton(nodes, ties if is_tied(config) else {}, embeddings="shared")


def headed(config: Config, head: Nodes) -> Skeleton:
    """Build `BartModel` below a head."""
    body = bare(config)
    ties = {f"model.{name}": f"model.{source}" for name, source in body.tied.items()}
    return Skeleton([*under("model", body.nodes), *head], ties, embeddings="model.shared")


def generation(config: Config) -> Skeleton:
    """Build `BartForConditionalGeneration`."""
    built = headed(config, linear("lm_head", hidden(config), vocabulary(config)))
    ties = {**built.tied, "lm_head.weight": "model.shared.weight"} if is_tied(config) else {}
    return built._replace(tied=ties, output="lm_head")


def sequences(config: Config) -> Skeleton:
    """Build `BartForSequenceClassification`."""
    return headed(config, classification_head(hidden(config), config.labels(default=3)))


def questions(config: Config) -> Skeleton:
    """Build `BartForQuestionAnswering`."""
    return headed(config, linear("qa_outputs", hidden(config), 2, bias=True))


def causal(config: Config) -> Skeleton:
    """Build `BartForCausalLM`: only the decoder."""
    embeddings = "model.decoder.embed_tokens"
    head = linear("lm_head", hidden(config), vocabulary(config))
    ties = {"lm_head.weight": f"{embeddings}.weight"} if is_tied(config) else {}
    return Skeleton([*under("model.decoder", stack(config, "decoder")), *head], ties, "lm_head", embeddings)


FAMILY = Family(
    "bart",
    {
        "BartForConditionalGeneration": generation,
        "BartModel": bare,
        "BartForSequenceClassification": sequences,
        "BartForQuestionAnswering": questions,
        "BartForCausalLM": causal,
    },
    PromptSizes(hidden=1024, layers=12, heads=16),
)
