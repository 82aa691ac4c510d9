"""Long lists of targets, which PEFT shortens to endings before it looks for them.

`peft/tuners/tuners_utils.py`: `inject_adapter`, `_find_minimal_target_modules`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

SHORTENED_FROM = 20


def condensed(targets: Iterable[str], names: Iterable[str]) -> tuple[str, ...]:
    """Return the shortest endings that tell the targets among the names, if they are many and the endings fewer.

    It matters beside layers_to_transform: a whole name is a target in any layer, an ending in those layers alone.

    >>> names = [f"layers.{layer}.{part}" for layer in range(20) for part in ("q", "k")]
    >>> condensed([name for name in names if name.endswith("q")], names)
    ('q',)
    >>> condensed(["layers.0.q"], names)
    ('layers.0.q',)
    """
    wanted = tuple(dict.fromkeys(targets))
    if len(wanted) < SHORTENED_FROM:
        return wanted
    entries = frozenset(wanted)
    other = {ending for name in names if entries.isdisjoint(endings(name)) for ending in endings(name)}
    needed: dict[str, None] = {}
    for target in sorted(wanted, key=lambda name: list(endings(name))):
        for ending in endings(target):
            covered = any(above in needed for above in endings(target) if above != target)
            if ending not in needed and ending not in other and not covered:
                needed[ending] = None
                break
    return tuple(needed) if 0 < len(needed) < len(wanted) else wanted


def endings(name: str) -> Iterator[str]:
    """Yield a name's last part, its last two, and so on up to the whole.

    >>> list(endings("layers.0.q"))
    ['q', '0.q', 'layers.0.q']
    """
    parts = name.split(".")
    return (".".join(parts[start:]) for start in reversed(range(len(parts))))
