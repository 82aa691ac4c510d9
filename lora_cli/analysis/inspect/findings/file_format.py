"""Findings about the format of a file: keys and metadata of another one than its own."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.analysis.inspect.findings.declaration import ERROR, NOTE, counted_with, finding
from lora_cli.analysis.inspect.inspected_adapter import InspectedAdapter
from lora_cli.errors import first_few
from lora_cli.methods.adapter_file.format_registry import format_named


@finding("two-formats", ERROR, "save it again with one program: loaders of either format skip the keys of the other")
def two_formats(adapter: InspectedAdapter) -> Iterator[str]:
    """Find keys of another format than that of most keys."""
    for name, keys in adapter.keys_of_others.items():
        yield (
            f"{counted_with(list(keys), 'key', 'is', 'are')} named as {format_named(name).title} does, "
            f"and the other keys as {adapter.trained.declared.title} does"
        )


@finding("other-metadata", NOTE, "what it says may be of the file that this one was converted from")
def other_metadata(adapter: InspectedAdapter) -> Iterator[str]:
    """Find metadata that the writer of another format notes, and none of this one's."""
    titles = [format_named(name).title for name in adapter.metadata_of_others]
    if titles:
        yield f"the metadata is that of {first_few(titles, str)}, and the keys are those of {adapter.trained.declared.title}"


@finding("unread-metadata", NOTE, "check what the trainer wrote there")
def unread_metadata(adapter: InspectedAdapter) -> Iterator[str]:
    """Find entries of the metadata that should be a number or a name."""
    unread = adapter.trained.facts.unread
    if unread:
        yield f"{counted_with(unread, 'value', 'in the metadata is', 'in the metadata are')} neither a number nor a short name"
