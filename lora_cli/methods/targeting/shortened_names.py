"""Long lists of whole names as targets, which PEFT shortens to endings before it matches them.

`peft/tuners/tuners_utils.py`: `inject_adapter`, `_find_minimal_target_modules`.
"""

from __future__ import annotations

from collections.abc import Iterable

from lora_cli.methods.targeting.name_endings import endings

SHORTENED_FROM = 20


def shortened_names(targets: Iterable[str], names: Iterable[str]) -> tuple[str, ...]:
    """Return the shortest endings that tell the targets from the other names, if the list is long and this shortens it.

    The difference shows beside layers_to_transform: a whole name is a target in any layer, an ending only in
    those layers.

    >>> names = [f"layers.{layer}.{part}" for layer in range(20) for part in ("q", "k")]
    >>> shortened_names([name for name in names if name.endswith("q")], names)
    ('q',)
    >>> shortened_names(["layers.0.q"], names)
    ('layers.0.q',)
    """
    wanted = tuple(dict.fromkeys(targets))
    if len(wanted) < SHORTENED_FROM:
        return wanted
    entries = frozenset(wanted)
    other = {ending for name in names if entries.isdisjoint(endings(name)) for ending in endings(name)}
    needed: dict[str, None] = {}
    for target in sorted(wanted, key=_shortest_first):
        for ending in _shortest_first(target):
            covered = any(above in needed for above in endings(target) if above != target)
            if ending not in needed and ending not in other and not covered:
                needed[ending] = None
                break
    return tuple(needed) if 0 < len(needed) < len(wanted) else wanted


def _shortest_first(name: str) -> list[str]:
    return [*endings(name)][::-1]
