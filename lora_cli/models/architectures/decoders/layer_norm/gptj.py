"""GPT-J: `transformers.models.gptj`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.decoder import BUT_TOKENS, classes
from lora_cli.models.parts.layers import Nodes, Skeleton, embedding, hollow, linear, norm, repeat, under

hidden = size("hidden_size", 4096, "n_embd")
vocabulary = size("vocab_size", 50400)


def body(config: Config) -> Nodes:
    """Build `GPTJModel`."""
    d = hidden(config)
    return of_attention(
        config, [node for name in ("k_proj", "v_proj", "q_proj", "out_proj") for node in linear(name, d, d)]
    )


def of_attention(config: Config, projections: Nodes) -> Nodes:
    """Build the body with these projections in its attention."""
    d = hidden(config)
    config.share(d, "n_embd", config.size("num_attention_heads", "n_head", default=16), "n_head")
    inner = config.size("n_inner", default=4 * d)
    return [
        *embedding("wte", vocabulary(config), d),
        *repeat(
            "h",
            config.layers("num_hidden_layers", "n_layer", default=28),
            norm("ln_1", d, bias=True),
            under("attn", projections),
            under("mlp", linear("fc_in", d, inner, bias=True), linear("fc_out", inner, d, bias=True)),
            hollow("attn.attn_dropout", "attn.resid_dropout", "mlp.act", "mlp.dropout"),
        ),
        *norm("ln_f", d, bias=True),
        *hollow("drop"),
    ]


def questions(config: Config) -> Skeleton:
    """Build `GPTJForQuestionAnswering`, whose head has num_labels outputs where others have 2."""
    head = linear("qa_outputs", hidden(config), config.labels(), bias=True)
    return Skeleton([*under("transformer", body(config)), *head], embeddings="transformer.wte")


FAMILY = Family(
    "gptj",
    {
        **classes(
            "GPTJ",
            body,
            hidden=hidden,
            vocabulary=vocabulary,
            prefix="transformer",
            embeddings="wte",
            head_bias=True,
            tasks=BUT_TOKENS,
        ),
        "GPTJForQuestionAnswering": questions,
    },
    PromptSizes(hidden=4096, layers=28, heads=16),
    feed_forward="n_inner",
)
