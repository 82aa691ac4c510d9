"""The text decoder of Llama 3.2 Vision, some of whose layers look at the image: `transformers.models.mllama`."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention
from lora_cli.models.parts.decoder import classes
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.layers import Node, embedding, hollow, listed, norm, parameter, under

# Words that only the input has: the image's.
EXTRA_WORDS = 8

hidden = size("hidden_size", 4096)
vocabulary = size("vocab_size", 128256)


def body(config: Config) -> Iterator[Node]:
    """Build `MllamaTextModel`."""
    d = hidden(config)
    heads = config.size("num_attention_heads", default=32)
    width = d // heads
    attended = attention(d, heads, config.size("num_key_value_heads", default=8), width)
    crossing = config.items("cross_attention_layers")
    crossed = frozenset(range(3, 40, 5) if crossing is None else crossing)
    feed_forward = list(under("mlp", gated(d, config.size("intermediate_size", default=14336))))
    norms = norm("input_layernorm", d), norm("post_attention_layernorm", d)
    kinds = {
        False: [*under("self_attn", attended), *feed_forward, *norms[0], *norms[1]],
        True: [
            *under("cross_attn", attended, norm("q_norm", width), norm("k_norm", width)),
            *norms[0],
            *parameter("cross_attn_attn_gate", 1),
            *feed_forward,
            *norms[1],
            *parameter("cross_attn_mlp_gate", 1),
        ],
    }
    count = config.layers("num_hidden_layers", default=40)
    yield from embedding("embed_tokens", vocabulary(config) + EXTRA_WORDS, d)
    yield from listed("layers", [kinds[index in crossed] for index in range(count)])
    yield from norm("norm", d)
    yield from hollow("rotary_emb")


def never_tied(config: Config) -> Config:
    """Return the config of a model whose head is its own, whatever config.json says."""
    return Config({**config.fields, "tie_word_embeddings": False}, config.source)


BUILT = classes("Mllama", body, hidden=hidden, vocabulary=vocabulary, tasks=["ForCausalLM"])["MllamaForCausalLM"]
FAMILY = Family(
    "mllama_text_model",
    {
        "MllamaForCausalLM": lambda config: BUILT(never_tied(config)),
        **classes("MllamaText", body, hidden=hidden, vocabulary=vocabulary, tasks=["Model"]),
    },
    PromptSizes(hidden=4096, layers=40, heads=32, groups=8, head_width="shared"),
)
