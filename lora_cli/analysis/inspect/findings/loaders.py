"""Findings about what the loader of a file's format makes of it, and PEFT where it expects its own."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.analysis.inspect.findings.declaration import ERROR, WARNING, counted_with, finding
from lora_cli.analysis.inspect.inspected_adapter import InspectedAdapter

TEXT_ENCODER = "text_encoder"


@finding("other-format", ERROR, "give PEFT an adapter that PEFT saved")
def other_format(adapter: InspectedAdapter) -> Iterator[tuple[str, str]]:
    """Find the keys of another program where PEFT looks for its own."""
    if adapter.peft_expects:
        declared = adapter.trained.declared
        yield (
            f"its keys are those of {declared.title}, and beside {adapter.peft_expects} PEFT expects its own",
            declared.instead,
        )


@finding("refused-file", ERROR, "save it again with the program that loads it")
def refused_file(adapter: InspectedAdapter) -> Iterator[tuple[str, str]]:
    """Find why the loader of the format takes nothing of the file."""
    title = adapter.trained.declared.title
    yield from ((f"{title} refuses the file: {reason}", remedy) for reason, remedy in adapter.refusals)


@finding("skipped-module", ERROR, "spell all keys as the first one of their model, in today's way")
def skipped_module(adapter: InspectedAdapter) -> Iterator[str]:
    """Find modules that the loader of the format passes over in silence."""
    skipped = [module for module, update in adapter.updates.items() if update.skipped]
    if skipped:
        reason = adapter.updates[skipped[0]].skipped
        yield f"{adapter.trained.declared.title} skips {counted_with(skipped, 'module', 'silently', 'silently')}: {reason}"


@finding("mixed-ranks", WARNING, "save it with its metadata, or with the alpha of each module")
def mixed_ranks(adapter: InspectedAdapter) -> Iterator[str]:
    """Find modules that older releases of the loader scale differently, because ranks differ and no alpha is known."""
    scaled = {module: update for module, update in adapter.updates.items() if update.older_scaling is not None}
    if scaled:
        first = next(iter(scaled.values()))
        yield (
            f"{counted_with(list(scaled), 'module', 'has', 'have')} another rank than the first and no alpha: "
            f"{adapter.trained.declared.older} scales rank {first.r} by {first.older_scaling:.6g}, later releases by "
            f"{first.scaling:.6g}"
        )


@finding("text-encoder-alone", WARNING, "check that the image model's adapter was saved too")
def text_encoder_alone(adapter: InspectedAdapter) -> Iterator[str]:
    """Find a file for a pipeline that has nothing for the model that makes its images."""
    components = {adapter.trained.declared.component(module) for module in adapter.updates}
    if components and all(component.startswith(TEXT_ENCODER) for component in components):
        yield f"it has only modules of {' and '.join(sorted(components))}, so the image model stays as it is"
