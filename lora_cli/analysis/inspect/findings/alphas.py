"""Findings about the alphas that a file keeps for each of its modules, and about ranks without one."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite

from lora_cli.analysis.inspect.findings.declaration import ERROR, WARNING, counted_with, finding
from lora_cli.analysis.inspect.inspected_adapter import InspectedAdapter
from lora_cli.errors import counted, first_few
from lora_cli.models.peft_names import ADAPTER_CONFIG


def _alphas(adapter: InspectedAdapter) -> dict[str, float | None]:
    """Return the alphas of the modules that the file scales, None without one; one that was not read is not among them."""
    scaled = (update for update in adapter.described.values() if (update.alpha, update.scaling) != (None, None))
    return {update.module: update.alpha for update in scaled}


@finding("missing-alpha", WARNING, "write the alpha that it was trained with into the file; without one loaders take r")
def missing_alpha(adapter: InspectedAdapter) -> Iterator[str | tuple[str, str]]:
    """Find modules that lack an alpha beside others that have one, or whose ranks tell that r cannot stand for it.

    Where nothing in the file or beside it scales them, and its own loader does not refuse it for that, is told, too.
    """
    unscaled = [update.module for update in adapter.described.values() if update.pair and update.scaling is None]
    is_alone = not adapter.trained.fields and adapter.trained.header is None
    if unscaled and is_alone and not adapter.refusals and not any(_alphas(adapter).values()):
        message = (
            f"there is no {ADAPTER_CONFIG} beside the file, so the scaling of {counted(unscaled, 'module')} is unknown"
        )
        yield message, f"copy {ADAPTER_CONFIG} from where the adapter was trained"
    alphas = _alphas(adapter)
    without = [module for module, alpha in alphas.items() if alpha is None]
    if not without:
        return
    if len(without) < len(alphas):
        others = (adapter.described[module].scaling for module, alpha in alphas.items() if alpha is not None)
        scaling = next(
            (f", and that of modules with an alpha is e.g. {scaling:.6g}" for scaling in others if scaling is not None),
            "",
        )
        yield (
            f"{counted_with(without, 'module', 'has', 'have')} no alpha, so "
            f"{'its' if len(without) == 1 else 'their'} scaling is 1{scaling}"
        )
        return
    ranks = _mixed_ranks(adapter)
    if ranks:
        yield (
            f"no module has an alpha, and they have {len(ranks)} ranks ({first_few(list(map(str, ranks)), str)}): "
            f"each is scaled by 1, whatever it was trained with{_older_scaling(adapter)}"
        )


def _mixed_ranks(adapter: InspectedAdapter) -> list[int]:
    """Return the ranks of the first model of a pipeline that has several; a loader reads each model by itself."""
    ranks: dict[str, set[int]] = {}
    for module, update in adapter.described.items():
        if update.r is not None:
            ranks.setdefault(adapter.trained.declared.component(module), set()).add(update.r)
    return sorted(next((own for own in ranks.values() if len(own) > 1), ()))


def _older_scaling(adapter: InspectedAdapter) -> str:
    """Return how older releases of the loader scale the first module that they scale differently."""
    for update in adapter.described.values():
        if update.older_scaling is not None:
            return f", and {adapter.trained.declared.older} scales rank {update.r} by {update.older_scaling:.6g}"
    return ""


@finding("unusual-alpha", WARNING, "write the alpha that it was trained with into the file")
def unusual_alpha(adapter: InspectedAdapter) -> Iterator[str]:
    """Find alphas of zero, which loaders understand differently, and negative ones."""
    zero = [module for module, alpha in _alphas(adapter).items() if alpha == 0]
    if zero:
        yield (
            f"{counted_with(zero, 'module', 'has', 'have')} an alpha of 0, for which trainers take the rank, "
            "and other loaders scale the update to nothing"
        )
    negative = {module: alpha for module, alpha in _alphas(adapter).items() if alpha is not None and alpha < 0}
    if negative:
        alpha = next(iter(negative.values()))
        yield f"{counted_with(list(negative), 'module', 'has', 'have')} a negative alpha ({alpha:.6g}), which turns the update around"


@finding("invalid-alpha", ERROR, "write the alpha that it was trained with into the file")
def invalid_alpha(adapter: InspectedAdapter) -> Iterator[str]:
    """Find alphas that are not one finite number."""
    wrong = [module for module, alpha in _alphas(adapter).items() if alpha is not None and not isfinite(alpha)]
    if wrong:
        yield f"{counted_with(wrong, 'module', 'has', 'have')} an alpha that is not one finite number"
