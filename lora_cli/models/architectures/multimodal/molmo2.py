"""Molmo 2: `transformers.models.molmo2`."""

from __future__ import annotations

from dataclasses import replace

from lora_cli.errors import InvalidInput, quote
from lora_cli.models.architectures.text_parts.molmo2_text import vocabulary
from lora_cli.models.composite import Composite, Section, Tower, never_tied
from lora_cli.models.config import Config
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.layers import Build, Nodes, linear, under
from lora_cli.models.parts.projectors import PROJECTOR
from lora_cli.models.parts.towers.molmo import attended, feature_layers

LEGACY = "vit_config"


def adapter(config: Config, tower: Config, _text: Config) -> Nodes:
    """Build `Molmo2Adapter`, which pools some layers of the tower by attention."""
    own = config.section("adapter_config")
    taken, layers = feature_layers(own), tower.layers("num_hidden_layers", default=25)
    if not all(-layers <= layer < layers for layer in taken):
        raise InvalidInput(f"{own.source}: vision_feature_layer is {quote(taken)}; the tower has {layers} layers")
    d, inner = own.size("hidden_size", default=1152), own.size("intermediate_size", default=18944)
    gate, up, _, activation = gated(d, inner, bias=own.flag("mlp_bias", default=False))
    return under(
        PROJECTOR,
        under("image_pooling_2d", attended(own, d * len(taken))),
        under(
            "image_projector",
            (gate, up),
            linear("down_proj", inner, own.size("text_hidden_size", default=3584)),
            (activation,),
        ),
    )


def trimmed(config: Config) -> Config:
    """Return a config without its older section for the tower, of which only the layers up to the last used are built."""
    if config.fields.get(LEGACY) is None:
        return config
    given = config.section("vision_config", LEGACY)
    layers = given.layers("num_hidden_layers", default=25)
    adapted = config.section("adapter_config")
    taken = [layer % (layers or 1) for layer in feature_layers(adapted)]
    sections = {
        "vision_config": {**given.fields, "num_hidden_layers": max(taken, default=-1) + 1},
        "adapter_config": {**adapted.fields, "vit_layers": taken},
    }
    return Config({**config.fields, **sections}, config.source)


def _of_trimmed(build: Build) -> Build:
    return lambda config: build(trimmed(config))


BUILT = Composite(
    text=Section(name="text_config", model_type="molmo2_text", fixed=True),
    towers=[Tower("vision_tower", Section(name="vision_config", model_type="molmo2_vision", fixed=True), adapter)],
    vocabulary=vocabulary,
).family("molmo2", "Molmo2", tied=never_tied)
FAMILY = replace(BUILT, classes={name: _of_trimmed(build) for name, build in BUILT.classes.items()})
