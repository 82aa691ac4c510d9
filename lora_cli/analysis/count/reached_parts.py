"""What to say where targets reach more of a model than the part that writes: towers that see or hear, and projectors."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from lora_cli.analysis.count.model_count import ModelCount, trained_params
from lora_cli.errors import quote_long
from lora_cli.methods.targeting.patterns import matching_time_limit
from lora_cli.models.parts.layers import LANGUAGE_MODEL

# A pattern that is longer than this is left to a shorter one.
LONGEST = 120


def reached_parts(cost: ModelCount) -> Iterator[str]:
    """Yield a sentence on the towers and projectors that targets reach, and what keeps to the language model."""
    model = cost.targets.model
    others = {name: what for name, what in model.parts.items() if what != LANGUAGE_MODEL}
    trained = dict.fromkeys(others, 0)
    language: list[str] = []
    for place, tensors in cost.added:
        name = place.module.name
        part = next((part for part in others if name == part or name.startswith(f"{part}.")), None)
        if part is None:
            language.append(name)
        else:
            trained[part] += 0 if cost.is_copied(place) else trained_params(tensors)
    reached = {part: params for part, params in trained.items() if params}
    if not reached:
        return
    share = [
        f"the {others[part]} {quote_long(part)} ({100 * params / cost.trainable_params:.1f} % of what is trained)"
        for part, params in reached.items()
    ]
    said = f"the targets reach {' and '.join((', '.join(share[:-1]), share[-1]) if share[1:] else share)}"
    yield f"{said}; {_kept(cost, language, list(reached))}" if language else said


def _kept(cost: ModelCount, language: Sequence[str], reached: Sequence[str]) -> str:
    """Return the regular expression that targets the same in the language model, or one that leaves the others out."""
    model = cost.targets.model
    prefix = next(name for name, what in model.parts.items() if what == LANGUAGE_MODEL)
    leaves = sorted({name.rpartition(".")[2] for name in language if name.startswith(f"{prefix}.")})
    outer = [name for name in language if not name.startswith(f"{prefix}.")]
    pattern = "|".join([*([f"{prefix}.*.{_one_of(leaves)}"] if leaves else []), *outer])
    with matching_time_limit(len(model.module_names)):
        matched = [name for name in model.module_names if re.fullmatch(pattern, name)]
    if sorted(matched) == sorted(language) and len(pattern) <= LONGEST and cost.config.layers_to_transform is None:
        return f"target_modules '{pattern}' keeps to the language model"
    return f"exclude_modules '{_one_of(reached)}.*' keeps to the language model"


def _one_of(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"({'|'.join(names)})"
