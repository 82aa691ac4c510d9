"""Findings about names in the config that match nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lora_cli.analysis.count.remarks import copied_targets_text, idle_layers, lost_adapters
from lora_cli.analysis.inspect.findings.declaration import NOTE, WARNING, finding
from lora_cli.analysis.inspect.inspected_adapter import InspectedAdapter
from lora_cli.errors import first_few, quote_long
from lora_cli.methods.targeting.name_matching import excluder, matching_time_limit
from lora_cli.methods.targeting.patterns import key_pattern
from lora_cli.models.peft_names import BASE_MODEL

PATTERNS = ("rank_pattern", "alpha_pattern")


@finding("unmatched-target", WARNING, "correct the name, or drop it")
def unmatched_target(adapter: InspectedAdapter) -> Iterator[str]:
    """Find targets that match nothing in the model, or else in the file."""
    unmatched: Sequence[str] = ()
    wanted = adapter.trained.config.target_modules
    if adapter.cost is not None:
        # A count speaks of the keys of patterns too, which are another finding.
        unmatched = [name for name in adapter.cost.targets.unmatched if not name.startswith("rank_pattern ")]
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
    modules = [module.removesuffix(".base_layer") for module in adapter.factors]
    ends = "".join(f".{module}\n" for module in modules)
    with matching_time_limit(len(modules)):
        unmatched = [
            f"{field} {quote_long(key)}"
            for field in PATTERNS
            for key in adapter.trained.fields.get(field) or {}
            if modules and f".{key}\n" not in ends and not any(map(key_pattern(key).match, modules))
        ]
    if unmatched:
        yield _match_nothing(unmatched)


@finding("few-layers", NOTE, "if all layers are meant, name targets that each of them has")
def few_layers(adapter: InspectedAdapter) -> Iterator[str]:
    """Find targets that reach only some of the model's layers."""
    if adapter.cost is not None:
        yield from idle_layers(adapter.cost)


@finding("copied-target", WARNING, "name it in target_modules or in modules_to_save, not in both")
def copied_target(adapter: InspectedAdapter) -> Iterator[str]:
    """Find targets that get no adapter, because they are trained as full copies."""
    config = adapter.trained.config
    if adapter.cost is not None:
        yield from lost_adapters(adapter.cost)
    elif adapter.model is None and isinstance(config.target_modules, tuple):
        both = [name for name in config.target_modules if name in config.modules_to_save]
        if both:
            yield copied_targets_text(both, config.label)


def _all_names(adapter: InspectedAdapter) -> str:
    """Return all names of the file as one text, in which dots surround each module, also one within a name."""
    return "\n".join(f".{key.removeprefix(BASE_MODEL)}." for key in adapter.tensors)


def _match_nothing(names: Sequence[str]) -> str:
    return f"{first_few(names, str)} {'matches' if len(names) == 1 else 'match'} nothing"
