"""Targets at another size: what a search for the largest size asks for again and again."""

from __future__ import annotations

from dataclasses import replace

from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.place import Place
from lora_cli.methods.targeting.model_types import EXPERTS
from lora_cli.methods.targeting.name_matching import ranker
from lora_cli.methods.targeting.targets import Targets, targets
from lora_cli.models.model import Model


def resize_targets(found: Targets, model: Model, config: AdapterConfig) -> Targets:
    """Return `targets(model, config)`, given those of a config that differs only in its rank and settings.

    The names decide which places there are, so only the ranks are computed again.
    """
    # The rank patterns of fused experts hold multiples of r, and a tied module takes over the rank of the embeddings.
    if config.ensure_weight_tying or model.model_type in EXPERTS:
        return targets(model, config)
    rank = ranker(config) if config.rank_pattern else None
    places = tuple(
        Place(place.module, config.r if rank is None or place.whole else rank(place.module.name), *place[2:])
        for place in found.places
    )
    return replace(found, places=places, config=replace(found.config, r=config.r, settings=config.settings))
