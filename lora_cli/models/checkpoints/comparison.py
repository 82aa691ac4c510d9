"""Comparison of a checkpoint with the config.json beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from lora_cli.errors import quote_long
from lora_cli.models.model import Model
from lora_cli.models.nodes import Parameter

MOST_NAMED = 3


def difference(model: Model, stored: Sequence[Parameter]) -> str | None:
    """Return by how many parameters, and where, a checkpoint differs from the model, or None if the totals agree.

    Names on disk can be older than the model's, and can split experts that the model fuses. So the totals decide,
    and the totals of each layer locate a difference. Tied parameters count once, stored or not,
    and those that checkpoints leave out only where they are stored.
    """
    names = {parameter.name for parameter in stored}
    counted = [p for p in stored if not (p.name in model.tied and model.tied[p.name] in names)]
    left_out = model.tied.keys() | (model.unsaved - names)
    described = [p for p in model.all_parameters() if p.name not in left_out]
    total, expected = (sum(parameter.params for parameter in group) for group in (counted, described))
    if total == expected:
        return None
    more = _by_place(counted)
    more.subtract(_by_place(described))
    places = sorted((place for place in more if more[place]), key=lambda place: -abs(more[place]))
    listed = ", ".join(f"{quote_long(place)[1:-1]} {more[place]:+,}" for place in places[:MOST_NAMED])
    rest = f" and {len(places) - MOST_NAMED} more places" if len(places) > MOST_NAMED else ""
    return (
        f"the headers hold {total:,} parameters and config.json describes {expected:,}, "
        f"{total - expected:+,}: {listed}{rest}"
    )


def _by_place(parameters: Iterable[Parameter]) -> Counter[str]:
    found: Counter[str] = Counter()
    for parameter in parameters:
        found[_place(parameter.name)] += parameter.params
    return found


def _place(name: str) -> str:
    """Return the layer of a parameter, e.g. `layers.3`, or else its module, without the modules around it.

    >>> _place("model.layers.3.mlp.up_proj.weight"), _place("transformer.wte.weight"), _place("lm_head.weight")
    ('layers.3', 'wte', 'lm_head')
    """
    parts = name.split(".")
    numbered = next((position for position, part in enumerate(parts) if part.isdigit()), None)
    return ".".join(parts[:-1][-1:] or parts) if numbered is None else ".".join(parts[: numbered + 1][-2:])
