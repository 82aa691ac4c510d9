"""The axes of a sweep that a trainer's recipe names, where they are not given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lora_cli.analysis.recipe import follow_recipe
from lora_cli.analysis.sweep.training_grid import AXES
from lora_cli.errors import InvalidInput, argument
from lora_cli.methods.config.adaptation import Adaptation

if TYPE_CHECKING:
    from os import PathLike

    from lora_cli.models.model import Source


def recipe_axes(
    recipe: str | PathLike[str],
    models: Sequence[Source | None],
    hows: Sequence[Adaptation],
    own: Mapping[str, Any],
    *,
    d: object,
    h: object,
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the keywords of `sweep` that a recipe and the `own` ones, which replace it, come to, and what was used of it."""
    if len(models) > 1:
        raise InvalidInput(
            f"{argument('recipe')} is of one model, and {argument('model')} names {len(models)}; give one of them"
        )
    axes = {name: own[name] for name in AXES if own[name] is not None}
    training = {**(own["training"] or {}), **axes}
    # An axis takes the place of the recipe's value, whatever its points are.
    asked = [how._replace(r=1 if own["r"] is not None else None, target=own["target"]) for how in hows]
    model = models[0] if models else None
    followed = follow_recipe(recipe, model, asked, training if own["memory"] or training else None, d=d, h=h)
    first, *_ = followed.hows
    trained = dict(followed.training)
    found = {
        "model": followed.subject.model,
        "method": None if first.method is None else [how.method for how in followed.hows],
        "settings": {name: value for how in followed.hows for name, value in how.settings.items()},
        "r": first.r if own["r"] is None else own["r"],
        "target": first.target if own["target"] is None else own["target"],
        **{name: trained.pop(name) for name in AXES if name in trained},
        "training": trained,
    }
    if isinstance(found["target"], list) and own["target"] is None:
        # One set of targets, and not a set each.
        found["target"] = [found["target"]]
    return found, followed.subject.assumptions
