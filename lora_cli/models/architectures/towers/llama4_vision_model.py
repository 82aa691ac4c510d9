"""The tower of Llama 4: `transformers.models.llama4`."""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.feed_forward import ungated
from lora_cli.models.parts.layers import Skeleton, hollow, linear, norm, parameter, repeat, under

PATCHES = "patch_embedding"


def tower(config: Config) -> Skeleton:
    """Build `Llama4VisionModel`, whose patches are cut out and go through a Linear."""
    d = config.size("hidden_size", default=768)
    heads = config.size("num_attention_heads", default=16)
    width = heads * (d // heads)
    inner = config.size("intermediate_size", default=5632)
    patch = config.size("patch_size", default=14)
    positions = (config.size("image_size", default=448) // patch) ** 2 + 1
    projected = config.size("projector_output_dim", default=4096)
    nodes = [
        *hollow(f"{PATCHES}.unfold"),
        *linear(f"{PATCHES}.linear", config.size("num_channels", default=3) * patch**2, d),
        *parameter("class_embedding", d),
        *parameter("positional_embedding_vlm", positions, d),
        *hollow("rotary_embedding"),
        *norm("layernorm_pre", d, bias=True),
        *norm("layernorm_post", d, bias=True),
        *repeat(
            "model.layers",
            config.layers("num_hidden_layers", default=34),
            under(
                "self_attn",
                *(linear(name, d, width, bias=True) for name in ("q_proj", "k_proj", "v_proj")),
                linear("o_proj", width, d, bias=True),
            ),
            under("mlp", ungated(d, inner)),
            norm("input_layernorm", d, bias=True),
            norm("post_attention_layernorm", d, bias=True),
        ),
        *under(
            "vision_adapter.mlp",
            linear("fc1", inner, config.size("projector_input_dim", default=4096)),
            linear("fc2", projected, projected),
            hollow("activation_fn"),
        ),
    ]
    return Skeleton(nodes, embeddings=PATCHES)


FAMILY = Family(
    "llama4_vision_model",
    {"Llama4VisionModel": tower},
    PromptSizes(hidden=768, layers=34, heads=16, has_vocabulary=False),
)
