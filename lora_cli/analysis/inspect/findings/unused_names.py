"""Findings about names in the config that match nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice

from lora_cli.analysis.count.remarks import copied_targets_text, idle_layers, lost_adapters
from lora_cli.analysis.inspect.findings.declaration import NOTE, WARNING, finding
from lora_cli.analysis.inspect.inspected_adapter import InspectedAdapter
from lora_cli.errors import first_few, quote_long
from lora_cli.methods.adapter_file.trained_adapter import is_owner, parameter_owner
from lora_cli.methods.config.adapter_config import PATTERNS
from lora_cli.methods.targeting.name_matching import excluder
from lora_cli.methods.targeting.patterns import key_pattern, matching_time_limit
from lora_cli.models.peft_names import BASE_MODEL

SEARCHED_NAMES = 10_000


@finding("unmatched-target", WARNING, "correct the name, or drop it")
def unmatched_target(adapter: InspectedAdapter) -> Iterator[str]:
    """Find targets that match nothing in the model, or else in the file."""
    unmatched: Sequence[str] = ()
    wanted = adapter.trained.config.target_modules
    if adapter.cost is not None:
        # A count speaks of the keys of patterns too, which are another finding.
        unmatched = [name for name in adapter.cost.targets.unmatched if not name.startswith(PATTERNS)]
    elif isinstance(wanted, tuple) and adapter.by_module:
        excluded = excluder(adapter.trained.config)
        unmatched = [f"target {quote_long(target)}" for target in _unnamed(wanted, adapter) if not excluded(target)]
    if unmatched:
        yield _match_nothing(unmatched)


@finding("unmatched-pattern", WARNING, "correct the key, or drop it: PEFT ignores it silently")
def unmatched_pattern(adapter: InspectedAdapter) -> Iterator[str]:
    """Find keys of `rank_pattern` and `alpha_pattern` that match nothing in the model, or else in the file."""
    keys = [(field, key) for field in PATTERNS for key in adapter.trained.patterns(field)]
    if not keys or not adapter.factors:
        return
    if adapter.cost is not None:
        unmatched = [name for name in adapter.cost.targets.unmatched if name.startswith(PATTERNS)]
    else:
        names = list(_adapted_names(adapter))
        ends = "".join(f".{name}\n" for name in names)
        with matching_time_limit(len(names)):
            unmatched = [
                f"{field} {quote_long(key)}"
                for field, key in keys
                if f".{key}\n" not in ends and not any(map(key_pattern(key).match, names))
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


def _adapted_names(adapter: InspectedAdapter) -> Iterator[str]:
    """Yield the modules of the file, and the parameters that may be adapted in those: PEFT matches these names."""
    parameters = adapter.trained.config.target_parameters or ()
    for owner in dict.fromkeys(map(parameter_owner, adapter.factors)):
        yield owner
        for parameter in parameters:
            if is_owner(owner, parameter):
                yield f"{owner}.{parameter.rpartition('.')[2]}"


def _unnamed(targets: Iterable[str], adapter: InspectedAdapter) -> list[str]:
    """Return the targets that are neither a module of the file nor a part of its name."""
    left = list(targets)
    names = chain(adapter.by_module, (key for key in adapter.tensors if adapter.split(key) is None))
    # Many names in one text are searched at once; all of them would take as much memory as the header.
    while left and (some := list(islice(names, SEARCHED_NAMES))):
        text = "\n".join(f".{name.removeprefix(BASE_MODEL)}." for name in some)
        left = [target for target in left if f".{target}." not in text]
    return left


def _match_nothing(names: Sequence[str]) -> str:
    return f"{first_few(names, str)} {'matches' if len(names) == 1 else 'match'} nothing"
