"""Gemma 3n, which sees and hears: `transformers.models.gemma3n`."""

from __future__ import annotations

from lora_cli.models.composite import Composite, Section, Tower, own_ties
from lora_cli.models.config import Config
from lora_cli.models.parts.layers import Nodes, embedding, hollow, linear, norm, under
from lora_cli.models.registry import hidden_size


def _embedder(name: str, tower: Config, text: Config) -> Nodes:
    """Build `Gemma3nMultimodalEmbedder`, which has words of its own beside what the tower says."""
    d = hidden_size(tower)
    return under(
        name,
        embedding("embedding", tower.size("vocab_size", default=128), d),
        norm("hard_embedding_norm", d),
        norm("soft_embedding_norm", d),
        linear("embedding_projection", d, hidden_size(text)),
        hollow("embedding_post_projection_norm"),
    )


def seen(_config: Config, tower: Config, text: Config) -> Nodes:
    """Build what makes words of what is seen."""
    return _embedder("embed_vision", tower, text)


def heard(_config: Config, tower: Config, text: Config) -> Nodes:
    """Build what makes words of what is heard."""
    return _embedder("embed_audio", tower, text)


FAMILY = Composite(
    text=Section(name="text_config", model_type="gemma3n_text", fixed=True),
    towers=[
        Tower("vision_tower", Section(name="vision_config", model_type="gemma3n_vision", fixed=True), seen),
        Tower("audio_tower", Section(name="audio_config", model_type="gemma3n_audio", fixed=True), heard),
    ],
).family("gemma3n", "Gemma3n", tied=own_ties)
