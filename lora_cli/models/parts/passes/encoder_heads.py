"""Heads of encoders' classes, each declared once: its modules and the pass through it follow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from lora_cli.models.config import Config
from lora_cli.models.parts.encoder import Sizes, dense, headed
from lora_cli.models.parts.forward_pass import Norm
from lora_cli.models.parts.layers import Build, Nodes, Part, hollow, norm, parameter
from lora_cli.models.parts.passes.class_heads import Dense, Dropout, FirstToken, Head, LossKind
from lora_cli.models.parts.passes.encoder_pass import activation, dropped_before_labels

Dropped = Callable[[Config], float]
Measured = Callable[[Config], Sizes]


class EncoderHead(NamedTuple):
    """A head: its modules, and the pass through it where that is known.

    `output` is the module that scores the vocabulary, and `tied` maps parameters to those whose values they share.
    """

    nodes: Callable[[Config, Sizes], Nodes]
    passed: Callable[[Config], Head] | None = None
    output: str | None = None
    tied: Mapping[str, str] = MappingProxyType({})

    def of_one_choice(self) -> EncoderHead:
        """Return the head with one output, which scores one of several choices."""
        return EncoderHead(lambda config, size: self.nodes(Config({"num_labels": 1}, config.source), size))


def gelu(_: Config) -> str:
    """Return the activation of the heads that do not take the model's."""
    return "gelu"


def word_head(
    first: str,
    normed: str,
    decoder: str,
    *,
    bias: str | None = None,
    hollows: tuple[str, ...] = (),
    activation: Callable[[Config], str] = activation,
) -> EncoderHead:
    """Return the head that scores the vocabulary: a Linear, an activation, a norm and the decoder.

    `bias` is the parameter that the bias of the decoder is tied to, if there is one.
    """

    def nodes(_: Config, size: Sizes) -> Nodes:
        return [
            *dense(first, size.d, size.width),
            *norm(normed, size.width, bias=True),
            *dense(decoder, size.width, size.vocabulary),
            *(parameter(bias, size.vocabulary) if bias else ()),
            *hollow(*hollows),
        ]

    def passed(config: Config) -> Head:
        return Head((Dense(first, activation(config)), Norm(normed, "layer"), Dense()), "masked")

    return EncoderHead(nodes, passed, decoder, {f"{decoder}.bias": bias} if bias else {})


def sequence_head(
    first: str,
    out: str,
    activation: str,
    *,
    hollows: tuple[str, ...] = ("dropout",),
    dropout: Dropped = dropped_before_labels,
    drops_first: bool = True,
) -> EncoderHead:
    """Return the head that labels a sequence by its first token: a Linear, an activation and another Linear.

    Values are dropped after the first Linear, and before it unless `drops_first` is false.
    """

    def nodes(config: Config, size: Sizes) -> Nodes:
        return [*dense(first, size.d, size.d), *hollow(*hollows), *dense(out, size.d, config.labels())]

    def passed(config: Config) -> Head:
        dropped = dropout(config)
        before = (Dropout(dropped),) if drops_first else ()
        return Head((FirstToken(), *before, Dense(first, activation, dropped), Dense(out)), "sequences")

    return EncoderHead(nodes, passed)


def token_head(name: str, dropout: Dropped | None, loss: LossKind) -> EncoderHead:
    """Return the head that labels each token: a Linear, with a dropout before it if there is one."""

    def nodes(config: Config, size: Sizes) -> Nodes:
        return [*hollow(*(("dropout",) if dropout else ())), *dense(name, size.d, config.labels())]

    def passed(config: Config) -> Head:
        before = (Dropout(dropout(config)),) if dropout else ()
        return Head((*before, Dense(name)), loss)

    return EncoderHead(nodes, passed)


# `BertLMPredictionHead`.
PREDICTIONS = word_head(
    "cls.predictions.transform.dense",
    "cls.predictions.transform.LayerNorm",
    "cls.predictions.decoder",
    bias="cls.predictions.bias",
    hollows=("cls.predictions.transform.transform_act_fn",),
)
TOKENS = token_head("classifier", dropped_before_labels, "masked")
# What marks where an answer starts and ends; transformers sizes it by the labels.
ANSWERS = token_head("qa_outputs", None, "spans")


def task_classes(
    stem: str, prefix: str, body: Part, sizes: Measured, heads: Mapping[str, EncoderHead]
) -> dict[str, Build]:
    """Return the class of each task: a body, named `prefix`, and a head."""

    def built(head: EncoderHead) -> Build:
        return headed(
            prefix, body, lambda config: head.nodes(config, sizes(config)), output=head.output, tied=head.tied
        )

    return {f"{stem}{task}": built(head) for task, head in heads.items()}


def passes(heads: Mapping[str, EncoderHead]) -> dict[str, Callable[[Config], Head]]:
    """Return how the passes through heads are described, of those where that is known."""
    return {task: head.passed for task, head in heads.items() if head.passed is not None}
