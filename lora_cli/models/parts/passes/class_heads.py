"""What a class does with the last hidden states of its body: steps one after the other, and a loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from lora_cli.models.config import Config
from lora_cli.models.parts.forward_pass import Norm


class Dense(NamedTuple):
    """A step of a head: a Linear by its name in the model, without one that of the scores of the vocabulary.

    An activation and a dropout may follow.
    """

    name: str = ""
    activation: str | None = None
    dropout: float = 0.0


class Dropout(NamedTuple):
    """A step of a head: values are dropped."""

    probability: float


class Scaled(NamedTuple):
    """A step of a head: scores are multiplied by a number."""


class SoftCapped(NamedTuple):
    """A step of a head: scores are bound by a tanh."""


class LastToken(NamedTuple):
    """A step of a head: of each sequence the scores of its last token are taken."""


class FirstToken(NamedTuple):
    """A step of a head: of each sequence its first token is taken."""


Step = Dense | Dropout | FirstToken | LastToken | Norm | Scaled | SoftCapped

# What a loss is taken of: the next token at each place, a label of each token, a `masked` token or a label without
# going over to float32, a label of each sequence, or the first and the last token of an answer.
LossKind = Literal["causal", "tokens", "masked", "sequences", "spans"]


class Head(NamedTuple):
    """What a class does with the last hidden states: steps one after the other, and the loss of what they return."""

    steps: tuple[Step, ...]
    loss: LossKind = "causal"


def scores_next_token(_: Config) -> Head:
    """Return the head of a language model."""
    return Head((Dense(),))


def scores_sequence(_: Config) -> Head:
    """Return the head of `GenericForSequenceClassification`."""
    return Head((Dense("score"), LastToken()), "sequences")


def scores_tokens(config: Config) -> Head:
    """Return the head of `GenericForTokenClassification`."""
    dropout = config.real("classifier_dropout", "hidden_dropout", default=0.1)
    return Head((Dropout(dropout), Dense("score")), "tokens")


def scores_answer(_: Config) -> Head:
    """Return the head that marks where an answer starts and ends."""
    return Head((Dense("qa_outputs"),), "spans")


# The heads of decoders by the endings of their classes' names.
DECODER_HEADS: Mapping[str, Callable[[Config], Head]] = {
    "ForCausalLM": scores_next_token,
    "LMHeadModel": scores_next_token,
    "ForSequenceClassification": scores_sequence,
    "ForTokenClassification": scores_tokens,
    "ForQuestionAnswering": scores_answer,
}
