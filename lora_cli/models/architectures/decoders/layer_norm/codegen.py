"""CodeGen: `transformers.models.codegen`."""

from __future__ import annotations

from lora_cli.models.architectures.decoders.layer_norm.gptj import FAMILY as GPTJ
from lora_cli.models.architectures.decoders.layer_norm.gptj import hidden, of_attention, vocabulary
from lora_cli.models.config import Config
from lora_cli.models.family import Family
from lora_cli.models.parts.decoder import classes
from lora_cli.models.parts.layers import Nodes, linear


def body(config: Config) -> Nodes:
    """Build `CodeGenModel`: GPT-J with one Linear for q, k and v."""
    d = hidden(config)
    return of_attention(config, (*linear("qkv_proj", d, 3 * d), *linear("out_proj", d, d)))


FAMILY = Family(
    "codegen",
    classes(
        "CodeGen",
        body,
        hidden=hidden,
        vocabulary=vocabulary,
        prefix="transformer",
        embeddings="wte",
        head_bias=True,
        tasks=("ForCausalLM", "Model"),
    ),
    GPTJ.sizes,
    feed_forward="n_inner",
)
