"""GPT-Neo: `transformers.models.gpt_neo`."""

from __future__ import annotations

from lora_cli.errors import InvalidInput
from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.decoder import transformer_classes
from lora_cli.models.parts.kin.gpt2 import decoder
from lora_cli.models.parts.layers import Nodes, hollow, linear, norm, under

hidden = size("hidden_size", 2048)
vocabulary = size("vocab_size", 50257)


def layers(config: Config) -> int:
    """Return the number of layers, for each of which attention_types has a kind: lists of them, and how often."""
    count = config.layers("num_hidden_layers", "num_layers", default=24)
    kinds = config.items("attention_types")
    try:
        described = 24 if kinds is None else sum(len(names) * max(times, 0) for names, times in kinds)
    except (TypeError, ValueError):
        raise config.wrong("attention_types", "a list of pairs such as [['global', 'local'], 12]") from None
    if described != count:
        raise InvalidInput(f"{config.source}: attention_types has {described} kinds for {count} layers")
    return count


def body(config: Config) -> Nodes:
    """Build `GPTNeoModel`."""
    d = hidden(config)
    config.share(d, "hidden_size", config.size("num_attention_heads", "num_heads", default=16), "num_heads")
    inner = config.size("intermediate_size", default=4 * d)
    return decoder(
        vocabulary(config),
        d,
        config.size("max_position_embeddings", default=2048),
        layers(config),
        norm("ln_1", d, bias=True),
        under(
            "attn.attention",
            *(linear(name, d, d) for name in ("k_proj", "v_proj", "q_proj")),
            linear("out_proj", d, d, bias=True),
            hollow("attn_dropout", "resid_dropout"),
        ),
        norm("ln_2", d, bias=True),
        under("mlp", linear("c_fc", d, inner, bias=True), linear("c_proj", inner, d, bias=True)),
        hollow("mlp.act", "mlp.dropout"),
    )


FAMILY = Family(
    "gpt_neo",
    transformer_classes("GPTNeo", body, hidden=hidden, vocabulary=vocabulary),
    PromptSizes(hidden=2048, layers=24, heads=16),
)
