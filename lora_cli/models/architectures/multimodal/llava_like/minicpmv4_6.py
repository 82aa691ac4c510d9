"""MiniCPM-V 4.6: `transformers.models.minicpmv4_6`."""

from __future__ import annotations

from lora_cli.models.composite import Composite, Section, Tower, untied
from lora_cli.models.config import Config
from lora_cli.models.parts.diffusion import size_list
from lora_cli.models.parts.layers import Nodes, Skeleton, hollow, linear, listed, norm, under
from lora_cli.models.parts.towers import siglip
from lora_cli.models.registry import hidden_size

# The patches that the projector takes as one.
MERGED = 4


def width(config: Config) -> int:
    """Return the width of the tower."""
    return config.size("hidden_size", default=768)


def tower(config: Config) -> Skeleton:
    """Build `MiniCPMV4_6VisionModel`: SigLIP's tower, and attention that merges the patches of a window."""
    d, inner = width(config), config.size("intermediate_size", default=3072)
    rows, columns = size_list(config, "window_kernel_size", default=[2, 2], count=2)
    window = rows * columns
    return Skeleton(
        [
            *siglip.tower(config, d, heads=12, patch=16, norms_first=True),
            *under(
                "vit_merger",
                under("self_attn", *(linear(f"{name}_proj", d, d, bias=True) for name in ("k", "v", "q", "out"))),
                norm("layer_norm1", d, bias=True),
                norm("pre_norm", window * d, bias=True),
                linear("linear_1", window * d, window * inner, bias=True),
                hollow("act"),
                linear("linear_2", window * inner, d, bias=True),
            ),
        ]
    )


def projector(config: Config, tower: Config, text: Config) -> Nodes:
    """Build `MiniCPMV4_6Merger`, which merges patches once or more, and goes to the width of the text at last."""
    d, times = width(tower), config.number("merger_times", default=1)
    wide = MERGED * d
    shared = *norm("pre_norm", wide, bias=True), *linear("linear_1", wide, wide, bias=True), *hollow("act")
    outputs = [*[d] * (times - 1), hidden_size(text)]
    return under("merger", listed("mlp", ([*shared, *linear("linear_2", wide, h, bias=True)] for h in outputs)))


FAMILY = Composite(
    text=Section(name="text_config", model_type="qwen3_5_text"),
    towers=[Tower("vision_tower", Section(name="vision_config", build=tower), projector)],
).family("minicpmv4_6", "MiniCPMV4_6", tied=untied)
