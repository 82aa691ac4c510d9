"""The tower of Molmo 2: `transformers.models.molmo2`."""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.feed_forward import ungated
from lora_cli.models.parts.image_patches import sides
from lora_cli.models.parts.layers import Skeleton, linear, norm, parameter, repeat, under
from lora_cli.models.parts.towers.molmo import attended


def tower(config: Config) -> Skeleton:
    """Build `Molmo2VisionModel`, which says of no module that it takes images. Older names of fields win."""
    d = config.size("hidden_size", default=1152)
    patch = config.size("image_patch_size", "patch_size", default=14)
    image = "image_default_input_size" if "image_default_input_size" in config.fields else "image_size"
    height, width = sides(config, image, default=378)
    positions = config.size(
        "image_num_pos", "num_position_embeddings", default=(height // patch) * (width // patch) or 1
    )
    nodes = [
        *parameter("positional_embedding", positions, d),
        *linear("patch_embedding", patch**2 * config.size("num_channels", default=3), d, bias=True),
        *repeat(
            "layers",
            config.layers("num_hidden_layers", default=25),
            norm("layer_norm1", d, bias=True),
            under("self_attn", attended(config, d)),
            norm("layer_norm2", d, bias=True),
            under("mlp", ungated(d, config.size("intermediate_size", default=4304))),
        ),
    ]
    return Skeleton(nodes)


FAMILY = Family(
    "molmo2_vision",
    {"Molmo2VisionModel": tower},
    PromptSizes(hidden=1152, layers=25, heads=16, groups=16, head_width=72, has_vocabulary=False),
)
