"""Findings about names in the config that match nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import StringIO
from itertools import chain

from lora_cli.analysis.inspect.findings.declaration import WARNING, finding
from lora_cli.analysis.inspect.inspected_adapter import InspectedAdapter
from lora_cli.errors import first_few, quote_long
from lora_cli.methods.config.adapter_config import PATTERNS
from lora_cli.methods.targeting.name_matching import excluder
from lora_cli.methods.targeting.patterns import key_pattern, matching_time_limit
from lora_cli.models.peft_names import BASE_MODEL


@finding("unmatched-target", WARNING, "correct the name, or drop it")
def unmatched_target(adapter: InspectedAdapter) -> Iterator[str]:
    """Find targets that match nothing in the model, or else in the file."""
    unmatched: Sequence[str] = ()
    wanted = adapter.trained.config.target_modules
    if adapter.cost is not None:
        # A count speaks of the keys of patterns too, which are another finding.
        unmatched = [name for name in adapter.cost.targets.unmatched if not name.startswith(PATTERNS)]
    elif isinstance(wanted, tuple) and adapter.by_module:
        names, excluded = _all_names(adapter), excluder(adapter.trained.config)
        unmatched = [
            f"target {quote_long(target)}" for target in wanted if f".{target}." not in names and not excluded(target)
        ]
    if unmatched:
        yield _match_nothing(unmatched)


@finding("unmatched-pattern", WARNING, "correct the key, or drop it: PEFT ignores it silently")
def unmatched_pattern(adapter: InspectedAdapter) -> Iterator[str]:
    """Find keys of `rank_pattern` and `alpha_pattern` that match no module of the file."""
    keys = [(field, key) for field in PATTERNS for key in adapter.trained.patterns(field)]
    if not keys or not adapter.factors:
        return
    modules = [module.removesuffix(".base_layer") for module in adapter.factors]
    ends = "".join(f".{module}\n" for module in modules)
    with matching_time_limit(len(modules)):
        unmatched = [
            f"{field} {quote_long(key)}"
            for field, key in keys
            if f".{key}\n" not in ends and not any(map(key_pattern(key).match, modules))
        ]
    if unmatched:
        yield _match_nothing(unmatched)


def _all_names(adapter: InspectedAdapter) -> str:
    """Return all names of the file as one text, in which dots surround each module, also one within a name."""
    others = (key for key in adapter.tensors if adapter.split(key) is None)
    text = StringIO()
    text.writelines(f".{name.removeprefix(BASE_MODEL)}.\n" for name in chain(adapter.by_module, others))
    return text.getvalue()


def _match_nothing(names: Sequence[str]) -> str:
    return f"{first_few(names, str)} {'matches' if len(names) == 1 else 'match'} nothing"
