"""Gemma 4 without towers, which sees and hears by projections alone: `transformers.models.gemma4_unified`."""

from __future__ import annotations

from lora_cli.models.composite import Composite, Section, Tower, own_ties
from lora_cli.models.config import Config
from lora_cli.models.parts.layers import Nodes, Skeleton, linear, norm, parameter, under
from lora_cli.models.parts.towers.gemma4 import embedder
from lora_cli.models.registry import hidden_size


def seen(config: Config) -> Skeleton:
    """Build `Gemma4UnifiedVisionEmbedder` but for its last projection."""
    patch = config.size("patch_size", default=16) * config.size("pooling_kernel_size", default=3)
    d, h = 3 * patch**2, config.size("mm_embed_dim", default=3840)
    nodes = [
        *norm("patch_ln1", d, bias=True),
        *linear("patch_dense", d, h, bias=True),
        *norm("patch_ln2", h, bias=True),
        *parameter("pos_embedding", config.size("mm_posemb_size", default=1120), 2, h),
        *norm("pos_norm", h, bias=True),
    ]
    return Skeleton(nodes)


def seen_projector(_config: Config, tower: Config, text: Config) -> Nodes:
    """Build the last projection of what is seen."""
    width = tower.size("output_proj_dims", default=3840)
    return under("embed_vision", embedder("multimodal_embedder", width, hidden_size(text)))


def heard(_config: Config) -> Skeleton:
    """Build nothing: sounds are projected as they are."""
    return Skeleton(())


def heard_projector(_config: Config, tower: Config, text: Config) -> Nodes:
    """Build the projection of what is heard."""
    width = tower.size("output_proj_dims", "hidden_size", "audio_embed_dim", default=640)
    return embedder("embed_audio", width, hidden_size(text))


VISION = Section(name="vision_config", build=seen, optional=True)
AUDIO = Section(name="audio_config", build=heard, optional=True)
FAMILY = Composite(
    text=Section(name="text_config", model_type="gemma4_unified_text", fixed=True),
    towers=[Tower("embed_vision", VISION, seen_projector), Tower("embed_audio", AUDIO, heard_projector)],
).family("gemma4_unified", "Gemma4Unified", tied=own_ties)
