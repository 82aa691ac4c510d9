"""SigLIP with both towers: `transformers.models.siglip`."""

from __future__ import annotations

from dataclasses import replace

from lora_cli.errors import InvalidInput
from lora_cli.models.architectures.multimodal import siglip_text_model as text
from lora_cli.models.architectures.towers import siglip_vision_model as vision
from lora_cli.models.config import Config
from lora_cli.models.family import Family
from lora_cli.models.parts.layers import Build, Skeleton, linear, parameter, under

TEXT, VISION = "text_config", "vision_config"
SIZES = replace(text.SIZES, section=(TEXT,))


def classes(stem: str, tower: Build) -> dict[str, Build]:
    """Return the classes around both towers, of which that of images is built by `tower`."""

    def both(config: Config) -> Skeleton:
        texts, images = text.bare(config.section(TEXT)), tower(config.section(VISION))
        nodes = [
            *under("text_model", texts.nodes),
            *under("vision_model", images.nodes),
            *parameter("logit_scale", 1),
            *parameter("logit_bias", 1),
        ]
        return Skeleton(nodes, embeddings=f"text_model.{texts.embeddings}")

    def images(config: Config) -> Skeleton:
        # The text section must be an object too, although it is not built.
        config.section(TEXT)
        own, labels = config.section(VISION), config.labels()
        if not labels:
            raise InvalidInput(f"{config.source}: {stem}ForImageClassification has no labels; it must have at least 1")
        built, head = tower(own), linear("classifier", vision.hidden(own), labels, bias=True)
        return Skeleton([*under("vision_model", built.nodes), *head], embeddings=f"vision_model.{built.embeddings}")

    return {f"{stem}Model": both, f"{stem}ForImageClassification": images}


FAMILY = Family("siglip", classes("Siglip", vision.bare), SIZES)
