"""What most decoders of transformers share: heads that are alike, and Llama's attention and feed-forward."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from lora_cli.models.config import Config
from lora_cli.models.parts.layers import Nodes, Skeleton, embedding, hollow, linear, norm, parameter, repeat, under

Body = Callable[[Config], Nodes]

TASKS = ("ForCausalLM", "Model", "ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering")
BUT_QUESTIONS = TASKS[:-1]
BUT_TOKENS = (*TASKS[:3], *TASKS[4:])


def classes(
    stem: str,
    body: Body,
    *,
    hidden: Callable[[Config], int],
    vocabulary: Callable[[Config], int],
    tied_by_default: bool = False,
    prefix: str = "model",
    questions_prefix: str | None = None,
    embeddings: str = "embed_tokens",
    head_bias: bool = False,
    tokens_head: str = "score",
    tasks: Iterable[str] = TASKS,
) -> dict[str, Callable[[Config], Skeleton]]:
    """Give the classes that transformers builds around a decoder's body, by name.

    `GenericForSequenceClassification` and its kin in transformers/modeling_layers.py. A few name the
    body otherwise where it answers questions: `questions_prefix`. `tasks` are the classes that there are,
    the one that is taken when config.json names none first.
    """

    def bare(config: Config) -> Skeleton:
        return Skeleton(body(config), embeddings=embeddings)

    def headed(
        config: Config, head: Nodes, *, prefix: str = prefix, tied: bool = False, output: str | None = None
    ) -> Skeleton:
        ties = {"lm_head.weight": f"{prefix}.{embeddings}.weight"} if tied else {}
        return Skeleton([*under(prefix, body(config)), *head], ties, output, f"{prefix}.{embeddings}")

    def causal(config: Config) -> Skeleton:
        head = linear("lm_head", hidden(config), vocabulary(config), bias=head_bias)
        return headed(config, head, tied=config.flag("tie_word_embeddings", default=tied_by_default), output="lm_head")

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


def size(name: str, default: int) -> Callable[[Config], int]:
    """Give the reader of one size of a config."""
    return lambda config: config.size(name, default=default)


def heads(
    config: Config, d: int, *, count: int, groups: int | None = None, width: int | None = None
) -> tuple[int, int, int]:
    """Give the attention's heads, their groups and the width of each; the arguments are the config's defaults.

    Null groups are as many as heads, whatever a missing field stands for. Without a `width` the heads
    share the hidden size.
    """
    heads = config.size("num_attention_heads", default=count)
    missing = "num_key_value_heads" not in config.fields
    shared = config.size("num_key_value_heads", default=groups if groups and missing else heads)
    if not missing:
        config.share(heads, "num_attention_heads", shared, "num_key_value_heads")
    own = config.size("head_dim", default=width or 0)
    return heads, shared, own or config.share(d, "hidden_size", heads, "num_attention_heads")


def decoder(vocabulary: int, d: int, layers: int, *block: Nodes, final: Nodes | None = None) -> Nodes:
    """Give embeddings, `layers` times the block, rotary positions and the last norm, an RMSNorm unless `final` is given."""
    return [
        *embedding("embed_tokens", vocabulary, d),
        *repeat("layers", layers, *block),
        *(norm("norm", d) if final is None else final),
        *hollow("rotary_emb"),
    ]


def attention(d: int, heads: int, groups: int, width: int, *, bias: bool = False, output_bias: bool = False) -> Nodes:
    """Give q, k, v and o of grouped-query attention: `heads` and `groups` of `width` each."""
    return (
        *linear("q_proj", d, heads * width, bias=bias),
        *linear("k_proj", d, groups * width, bias=bias),
        *linear("v_proj", d, groups * width, bias=bias),
        *linear("o_proj", heads * width, d, bias=output_bias),
    )


def gated(d: int, inner: int, *, bias: bool = False) -> Nodes:
    """Give a gated feed-forward: gate, up and down, and the activation."""
    return (
        *linear("gate_proj", d, inner, bias=bias),
        *linear("up_proj", d, inner, bias=bias),
        *linear("down_proj", inner, d, bias=bias),
        *hollow("act_fn"),
    )


def experts(d: int, inner: int, count: int) -> Nodes:
    """Give a router and the experts that it chooses from, whose weights transformers keeps in one piece."""
    return (
        *parameter("gate.weight", count, d),
        *parameter("experts.gate_up_proj", count, 2 * inner, d),
        *parameter("experts.down_proj", count, d, inner),
        *hollow("experts.act_fn"),
    )
