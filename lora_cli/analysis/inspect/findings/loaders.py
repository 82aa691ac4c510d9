"""Findings about what the loader of a file's format makes of it, and PEFT where it expects its own."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.analysis.inspect.findings.declaration import ERROR, WARNING, counted_with, finding, shape_text
from lora_cli.analysis.inspect.inspected_adapter import InspectedAdapter
from lora_cli.errors import quote_long


@finding("other-format", ERROR, "give PEFT an adapter that PEFT saved")
def other_format(adapter: InspectedAdapter) -> Iterator[tuple[str, str]]:
    """Find the keys of another program where PEFT looks for its own."""
    if adapter.peft_expects:
        declared = adapter.trained.declared
        yield (
            f"its keys are those of {declared.title}, and beside {adapter.peft_expects} PEFT expects its own",
            adapter.trained.instead,
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


@finding("unknown-module", ERROR, "give the base model that it was trained with: loaders skip these silently")
def unknown_module(adapter: InspectedAdapter) -> Iterator[str]:
    """Find modules that the base model does not have."""
    unknown = adapter.foreign_modules
    if unknown:
        yield f"{counted_with(unknown, 'module', 'is', 'are')} not in {quote_long(adapter.model_name)}"


@finding("other-sides", ERROR, "give the base model that it was trained with: loaders refuse the file")
def other_sides(adapter: InspectedAdapter) -> Iterator[str]:
    """Find modules whose update is of another size than the weight in the base model."""
    other = adapter.other_sides
    if other:
        ours, theirs = next(iter(other.values()))
        yield (
            f"{counted_with(list(other), 'module', 'has', 'have')} another size than in {quote_long(adapter.model_name)}: "
            f"{shape_text(ours)} in the file, {shape_text(theirs)} there"
        )


@finding("text-encoder-alone", WARNING, "check that the image model's adapter was saved too")
def text_encoder_alone(adapter: InspectedAdapter) -> Iterator[str]:
    """Find a file for a pipeline that has nothing for the model that makes its images."""
    if adapter.has_only_text_encoders:
        yield f"it has only modules of {' and '.join(sorted(adapter.components))}, so the image model stays as it is"
