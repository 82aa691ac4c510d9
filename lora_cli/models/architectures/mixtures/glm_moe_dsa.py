"""GLM-5: `transformers.models.glm_moe_dsa`, which leaves the multi-token-prediction layers out."""

from __future__ import annotations

from collections.abc import Sequence

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.decoder import TASKS, classes, layered_decoder
from lora_cli.models.parts.experts import experts_with_shared, mixed_blocks, sparse_types
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.latent_attention import indexer, latent_attention
from lora_cli.models.parts.layer_types import layer_types
from lora_cli.models.parts.layers import Nodes, norm, under

hidden = size("hidden_size", 6144)
vocabulary = size("vocab_size", 154880)
COUNTS = ("num_local_experts", "num_experts", "n_routed_experts")
SHARED = "shared"
LETTERS = {"F": "full", "S": SHARED}


def indexers(config: Config, layers: int) -> Sequence[str]:
    """Return the type of each layer's indexer, which is `shared` where the layer has none of its own."""
    pattern = config.fields.get("index_topk_pattern")
    if pattern is not None and config.fields.get("indexer_types") is None:
        if isinstance(pattern, str):
            if not LETTERS.keys() >= set(pattern):
                raise config.wrong("index_topk_pattern", f"made of the letters {' and '.join(LETTERS)}")
            pattern = [LETTERS[letter] for letter in pattern]
        config = Config({"index_topk_pattern": pattern}, config.source)
        return layer_types(config, "index_topk_pattern", [SHARED] * layers)
    step = max(config.number("index_topk_freq", default=1), 1)
    offset = config.number("index_skip_topk_offset", default=2)
    own = [max(index - offset + 1, 0) % step == 0 for index in range(layers)]
    return layer_types(config, "indexer_types", ["full" if each else SHARED for each in own])


def body(config: Config) -> Nodes:
    """Build `GlmMoeDsaModel`."""
    d = hidden(config)
    layers = config.layers("num_hidden_layers", default=78)
    attention = [*latent_attention(config, d, heads=64, query=2048, rank=512, plain=192, rotated=64, value=256)]
    own = [*indexer(config, d, query=2048, heads=32, width=128)]
    kinds = {
        is_shared: mixed_blocks(
            sparse_types(config, layers, dense=config.number("first_k_dense_replace", default=3)),
            under("self_attn", attention, () if is_shared else own),
            norm("input_layernorm", d),
            norm("post_attention_layernorm", d),
            experts=experts_with_shared(config, d, count=256, inner=2048, shared=1, counts=COUNTS),
            dense=gated(d, config.size("intermediate_size", default=12288)),
        )
        for is_shared in (True, False)
    }
    blocks = [kinds[kind == SHARED][index] for index, kind in enumerate(indexers(config, layers))]
    return layered_decoder(vocabulary(config), d, blocks)


FAMILY = Family(
    "glm_moe_dsa",
    classes("GlmMoeDsa", body, hidden=hidden, vocabulary=vocabulary, tasks=TASKS[:2]),
    PromptSizes(hidden=6144, layers=78, heads=64, groups=64, head_width=64, head_width_names=("qk_rope_head_dim",)),
)
