"""The entries of a config that match nothing in the model, for a warning."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import zip_longest

from lora_cli.errors import SHOWN_NAMES, near_miss, quote
from lora_cli.methods.config.adapter_config import PATTERNS, AdapterConfig
from lora_cli.methods.targeting.full_copies import FullCopies
from lora_cli.methods.targeting.name_endings import endings
from lora_cli.methods.targeting.name_matching import excluder
from lora_cli.methods.targeting.patterns import key_pattern


def unmatched_entries(
    config: AdapterConfig,
    parameters: Iterable[str],
    names: Sequence[str],
    copies: FullCopies,
    known: Callable[[], Iterable[str]] = tuple,
) -> Iterator[str]:
    """Yield each field with an entry that matches none of the adapted `names` or copied modules.

    `parameters` are the target parameters as the user gave them. `known` returns the names among which one may be meant.
    """
    matched = {ending for name in names for ending in endings(name)}
    yield from (f"target_parameters {quote(entry)}" for entry in parameters if entry not in matched)
    if not isinstance(config.target_modules, str):
        excluded = excluder(config)
        given = config.target_modules or ()
        unmatched = [entry for entry in given if entry not in matched and not excluded(entry)]
        others = [name for name in known() if name not in given] if unmatched else []
        # A comparison with all names takes its time, and nobody reads thousands of them.
        nears = [near_miss(entry, others, "") for entry in unmatched[:SHOWN_NAMES]]
        for entry, near in zip_longest(unmatched, nears):
            yield f"target_modules {quote(entry)}{f' ({near})' if near else ''}"
    for field in PATTERNS:
        for key in getattr(config, field):
            if key not in matched and not any(map(key_pattern(key).match, names)):
                yield f"{field} {quote(key)}"
    uncopied = set(copies.unmatched)
    # PEFT writes every name that the task's head may have.
    heads = config.task_heads
    if not uncopied.issuperset(heads):
        uncopied.difference_update(heads)
    yield from (f"modules_to_save {quote(entry)}" for entry in config.modules_to_save if entry in uncopied)
