"""The vision tower of Muse Glimmer: `transformers.models.muse_glimmer`."""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.layers import Skeleton, embedding, hollow, linear, norm, repeat, under
from lora_cli.models.parts.towers.qwen import two_norms

PROJECTIONS = ("q_proj", "k_proj", "v_proj", "proj")


def tower(config: Config) -> Skeleton:
    """Build `MuseGlimmerVisionModel`, which takes patches of some frames by a Linear."""
    d, inner = config.size("hidden_size", default=1536), config.size("intermediate_size", default=8960)
    patch = config.size("patch_temporal", default=2) * 3 * config.size("patch_size", default=14) ** 2
    places = config.size("pos_emb_height", default=32) * config.size("pos_emb_width", default=32)
    nodes = [
        *linear("patch_embedder.patch_embedding", patch, d),
        *embedding("patch_embedder.position_embedding_table", places, d),
        *hollow("rotary_emb"),
        *norm("ln_pre", d, bias=True),
        *repeat(
            "layers",
            config.layers("num_hidden_layers", default=50),
            two_norms(d, bias=True),
            under("attn", *(linear(name, d, d, bias=True) for name in PROJECTIONS)),
            under("mlp", linear("fc1", d, inner, bias=True), hollow("act"), linear("fc2", inner, d, bias=True)),
        ),
        *norm("ln_post", d, bias=True),
    ]
    return Skeleton(nodes)


FAMILY = Family(
    "muse_glimmer_vision",
    {"MuseGlimmerVisionModel": tower},
    PromptSizes(hidden=1536, layers=50, heads=16, has_vocabulary=False),
)
