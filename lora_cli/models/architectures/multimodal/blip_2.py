"""BLIP-2: `transformers.models.blip_2`."""

from __future__ import annotations

from lora_cli.models.composite import NO_SIZES, Composite, Section, Tower
from lora_cli.models.config import Config
from lora_cli.models.family import Family
from lora_cli.models.parts.encoder import dense
from lora_cli.models.parts.layers import Nodes, Skeleton, parameter, under
from lora_cli.models.parts.towers.blip2 import PATCHES, qformer, qformer_width, tower, tower_width, words
from lora_cli.models.registry import hidden_size

TEXT = Section(name="text_config", model_type="opt", headed=True)
VISION = Section(name="vision_config", model_type="blip_2_vision_model", fixed=True, build=tower)
QFORMER = Section(name="qformer_config", model_type="blip_2_qformer", fixed=True)


def _queries(config: Config, images: Config) -> Nodes:
    """Build the Q-Former and the vectors with which it asks about the images."""
    own = QFORMER.of(config)
    tokens = config.size("num_query_tokens", default=32)
    return [*parameter("query_tokens", 1, tokens, qformer_width(own)), *qformer(own, tower_width(images))]


def _projector(config: Config, images: Config, text: Config) -> Nodes:
    projection = dense("language_projection", qformer_width(QFORMER.of(config)), hidden_size(text))
    return [*_queries(config, images), *projection]


def _matched(config: Config, *, reads: bool, sees: bool, compares: bool) -> Skeleton:
    """Build a class that matches texts and images: one that `reads` words, `sees` images, or does both."""
    TEXT.of(config)
    images, own = VISION.of(config), QFORMER.of(config)
    d, width = qformer_width(own), config.size("image_text_hidden_size", default=256)
    nodes = [
        *(under("vision_model", tower(images).nodes) if sees else ()),
        *(words(own) if reads else ()),
        *_queries(config, images),
        *(dense("vision_projection", d, width) if sees else ()),
        *(dense("text_projection", d, width) if reads else ()),
        *(dense("itm_head", d, 2) if compares else ()),
    ]
    return Skeleton(nodes, embeddings="embeddings.word_embeddings" if reads else f"vision_model.{PATCHES}")


PARTS = Composite(text=TEXT, towers=[Tower("vision_model", VISION, _projector)])
FAMILY = Family(
    "blip-2",
    {
        "Blip2ForConditionalGeneration": PARTS.body,
        "Blip2Model": PARTS.body,
        "Blip2ForImageTextRetrieval": lambda config: _matched(config, reads=True, sees=True, compares=True),
        "Blip2TextModelWithProjection": lambda config: _matched(config, reads=True, sees=False, compares=False),
        "Blip2VisionModelWithProjection": lambda config: _matched(config, reads=False, sees=True, compares=False),
    },
    NO_SIZES,
    text=TEXT.of,
)
