"""The same places under another size: what a search for a size needs, again and again."""

from __future__ import annotations

from dataclasses import replace

from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.place import Place
from lora_cli.methods.targeting.default_targets import EXPERTS
from lora_cli.methods.targeting.name_matching import ranker
from lora_cli.methods.targeting.targets import Targets, targets
from lora_cli.models.model import Model


def resized(found: Targets, model: Model, config: AdapterConfig) -> Targets:
    """Return `targets(model, config)`, where `found` is that of a config that differs in its rank and settings alone.

    Which places there are follows from names; their ranks follow anew.
    """
    # Where experts are fused their patterns hold multiples of r, and what is tied takes over the embeddings' rank.
    if config.ensure_weight_tying or model.model_type in EXPERTS:
        return targets(model, config)
    rank = ranker(config) if config.rank_pattern else None
    places = tuple(
        Place(place.module, config.r if rank is None or place.whole else rank(place.module.name), *place[2:])
        for place in found.places
    )
    again = replace(found, places=places, config=replace(found.config, r=config.r, settings=config.settings))
    if "sharing" in found.__dict__:
        again.__dict__["sharing"] = found.sharing
    return again
