"""Keys that name the right modules under another prefix, such as `model.layers` for `model.language_model.layers`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Sizes = tuple[int, ...]

# A key without a layer's number is known by as many of its last parts: a module and the end of its tensor's key.
LAST_PARTS = 3
# A model has few parts that can be called differently.
MOST_PREFIXES = 8


def moved_keys(unknown: Mapping[str, Sizes], missing: Mapping[str, Sizes]) -> dict[str, str]:
    """Return the unknown keys that are missing ones under another prefix, with those; their shapes are the same.

    >>> moved_keys({"model.layers.0.q.lora_A": (2, 8)}, {"model.text.layers.0.q.lora_A": (2, 8)})
    {'model.layers.0.q.lora_A': 'model.text.layers.0.q.lora_A'}
    """
    by_tail: dict[tuple[str, Sizes], list[str]] = {}
    for key, sizes in missing.items():
        by_tail.setdefault((_tail(key), sizes), []).append(key)
    moved: dict[str, str] = {}
    prefixes = 0
    for key, sizes in unknown.items():
        others = by_tail.get((_tail(key), sizes), ())
        if key in moved or not others or prefixes == MOST_PREFIXES:
            continue
        prefixes += 1
        possible = [_with_prefix(*_prefixes(key, other), unknown, missing) for other in others]
        longest: dict[str, str] = max(possible, key=len)
        moved |= longest
    return moved


def _tail(key: str) -> str:
    """Return what follows the first prefix of a key, from a layer's number on."""
    parts = key.split(".")
    start = next((place for place, part in enumerate(parts) if part.isdigit()), -LAST_PARTS)
    return ".".join(parts[start:])


def different_parts(key: str, right: str) -> tuple[str, str]:
    """Return the parts in which two keys differ, with a part around them where one of the keys has nothing there.

    >>> different_parts("model.layers.0.q_proj", "model.text.layers.0.q_proj")
    ('model.layers', 'model.text.layers')
    """
    ours, theirs = key.split("."), right.split(".")
    shorter = min(len(ours), len(theirs))
    end = _common_start(ours[::-1], theirs[::-1])
    start = min(_common_start(ours, theirs), shorter - end)
    if start + end == shorter:
        start, end = max(start - 1, 0), max(end - 1, 0)
    return ".".join(ours[start : len(ours) - end]), ".".join(theirs[start : len(theirs) - end])


def _common_start(parts: Sequence[str], others: Sequence[str]) -> int:
    """Return how many parts two lists have in common from their start on."""
    pairs = zip(parts, others, strict=False)
    return next((place for place, (ours, theirs) in enumerate(pairs) if ours != theirs), min(len(parts), len(others)))


def _prefixes(key: str, other: str) -> tuple[str, str]:
    """Return what is left of two keys without the parts that they both end with."""
    ours, theirs = key.split("."), other.split(".")
    end = _common_start(ours[::-1], theirs[::-1])
    first, second = ours[: len(ours) - end], theirs[: len(theirs) - end]
    return "".join(f"{part}." for part in first), "".join(f"{part}." for part in second)


def _with_prefix(old: str, new: str, unknown: Mapping[str, Sizes], missing: Mapping[str, Sizes]) -> dict[str, str]:
    """Return the unknown keys that are missing ones once their prefix is replaced."""
    renamed = {key: new + key.removeprefix(old) for key in unknown if key.startswith(old)}
    return {key: name for key, name in renamed.items() if missing.get(name) == unknown[key]}
