"""Decoders of text: the body that most share, and the classes that transformers builds around a body."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from lora_cli.models.config import Config
from lora_cli.models.parts.layers import Build, Nodes, Part, Skeleton, embedding, hollow, linear, listed, norm, under

TASKS = ("ForCausalLM", "Model", "ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering")
CAUSAL_OR_BARE = TASKS[:2]
BUT_QUESTIONS = TASKS[:-1]
BUT_TOKENS = (*TASKS[:3], *TASKS[4:])
PRE_NORMS = ("input_layernorm", "post_attention_layernorm")


def decoder(vocabulary: int, d: int, layers: int, *block: Nodes, final: Nodes | None = None) -> Nodes:
    """Build embeddings, `layers` copies of the block, the `final` norm (by default an RMSNorm) and rotary positions."""
    return layered_decoder(vocabulary, d, [[node for part in block for node in part]] * layers, final=final)


def layered_decoder(vocabulary: int, d: int, blocks: Iterable[Nodes], *, final: Nodes | None = None) -> Nodes:
    """Build the same of layers that differ: each of the blocks is one."""
    return [
        *embedding("embed_tokens", vocabulary, d),
        *listed("layers", blocks),
        *(norm("norm", d) if final is None else final),
        *hollow("rotary_emb"),
    ]


def block(d: int, attention: Nodes, feed_forward: Nodes, *, norms: Iterable[str] = PRE_NORMS) -> Nodes:
    """Build a block: `self_attn`, `mlp` and RMSNorms, by default one before each of the two."""
    yield from under("self_attn", attention)
    yield from under("mlp", feed_forward)
    for name in norms:
        yield from norm(name, d)


def classes(
    stem: str,
    body: Part,
    *,
    hidden: Callable[[Config], int],
    vocabulary: Callable[[Config], int],
    tied_by_default: bool = False,
    tie_names: tuple[str, ...] = ("tie_word_embeddings",),
    prefix: str = "model",
    questions_prefix: str | None = None,
    embeddings: str = "embed_tokens",
    head_bias: bool | Callable[[Config], bool] = False,
    tokens_head: str = "score",
    tasks: Iterable[str] = TASKS,
) -> dict[str, Build]:
    """Return the classes that transformers builds around a decoder's body, by name, the default class first.

    See `GenericForSequenceClassification` and its siblings in transformers/modeling_layers.py. `tasks` selects
    the classes. `tie_names` are the fields that tie the head with the embeddings, none where it never is.
    `questions_prefix` is the body's name in the class for question answering, where it differs.
    """

    def bare(config: Config) -> Skeleton:
        return Skeleton(body(config), embeddings=embeddings)

    def headed(
        config: Config, head: Nodes, *, prefix: str = prefix, tied: bool = False, output: str | None = None
    ) -> Skeleton:
        ties = {"lm_head.weight": f"{prefix}.{embeddings}.weight"} if tied else {}
        return Skeleton([*under(prefix, body(config)), *head], ties, output, f"{prefix}.{embeddings}")

    def causal(config: Config) -> Skeleton:
        bias = head_bias(config) if callable(head_bias) else head_bias
        head = linear("lm_head", hidden(config), vocabulary(config), bias=bias)
        tied = bool(tie_names) and config.flag(*tie_names, default=tied_by_default)
        return headed(config, head, tied=tied, output="lm_head")

    def sequences(config: Config) -> Skeleton:
        return headed(config, linear("score", hidden(config), config.labels()))

    def tokens(config: Config) -> Skeleton:
        head = linear(tokens_head, hidden(config), config.labels(), bias=True)
        return headed(config, (*hollow("dropout"), *head))

    def questions(config: Config) -> Skeleton:
        head = linear("qa_outputs", hidden(config), 2, bias=True)
        return headed(config, head, prefix=questions_prefix or prefix)

    built = dict(zip(TASKS, (causal, bare, sequences, tokens, questions), strict=True))
    return {f"{stem}{task}": built[task] for task in tasks}


# GPT-2's kind, whose body is its `transformer`.
transformer_classes = partial(
    classes, tied_by_default=True, prefix="transformer", embeddings="wte", tokens_head="classifier"
)
