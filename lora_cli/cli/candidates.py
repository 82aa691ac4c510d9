"""What a shell offers for the value of an option, declared with the option as its `autocompletion`.

Nothing is offered where a file is meant: the shell then offers files by itself.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

# The names, or a function that returns them, for what is not on the way of every run.
Names = Iterable[str] | Callable[[], Iterable[str]]
Candidates = Callable[[str], list[str]]
# Words that mean themselves in every shell.
PLAIN = r"[\w.+-]+"


def one_of(*names: Names) -> Candidates:
    """Offer the names that fit of the first list that has some.

    >>> one_of(["lora", "dora"])("")
    ['lora', 'dora']
    >>> one_of(["rtx-4090", "t4"], ["4090", "tesla-t4"])("4")
    ['4090']
    """

    def offered(incomplete: str) -> list[str]:
        fitting = ([name for name in _read(each) if name.startswith(incomplete)] for each in names)
        return next(filter(None, fitting), [])

    return offered


def list_of(names: Names) -> Candidates:
    """Offer names for the last one of a list, without those that are in it already.

    >>> list_of(["lora", "dora", "vera"])("lora,")
    ['lora,dora', 'lora,vera']
    """

    def offered(incomplete: str) -> list[str]:
        before, comma, last = incomplete.rpartition(",")
        listed = before.split(",")
        rest = [name for name in dict.fromkeys(_read(names)) if name.startswith(last) and name not in listed]
        return [f"{before}{comma}{name}" for name in rest]

    return offered


def sort_keys(fields: Names) -> Candidates:
    """Offer fields, with - before them where one is typed.

    >>> sort_keys(["d", "r"])("-")
    ['-d', '-r']
    """
    return lambda incomplete: [f"{'-' * incomplete.startswith('-')}{field}" for field in dict.fromkeys(_read(fields))]


def _read(names: Names) -> Iterable[str]:
    return names() if callable(names) else names


def method_names() -> Iterable[str]:
    """Return the names of all methods and variants."""
    from lora_cli.methods.registry import METHODS
    from lora_cli.methods.variants import VARIANTS

    return (*METHODS, *VARIANTS)


def preset_names() -> Iterable[str]:
    """Return the names of all bundled models."""
    from lora_cli.models.sources.preset import names

    return names()


def card_names() -> Iterable[str]:
    """Return the names of all known cards."""
    from lora_cli.analysis.memory.cards import CARDS

    return [card.name for card in CARDS]


def card_aliases() -> Iterable[str]:
    """Return what people call them too, as 4090 for the rtx-4090."""
    from lora_cli.analysis.memory.cards import CARDS, SERIES

    return [alias for card in CARDS for alias in (card.name.removeprefix(f"{SERIES}-"), *card.aliases)]


def card_groups() -> Iterable[str]:
    """Return the makers and the generations of the known cards."""
    from lora_cli.analysis.memory.cards import CARDS

    return dict.fromkeys(group.lower().replace(" ", "-") for card in CARDS for group in (card.maker, card.generation))


def peft_versions() -> Iterable[str]:
    """Return the releases of PEFT that are known."""
    from lora_cli.methods.config.peft_releases import known_versions

    return known_versions()


def model_sources(incomplete: str) -> list[str]:
    """Offer presets, or the Hub names of presets, and beside them what is in the working directory.

    Where none fits, the shell offers paths.
    """
    from lora_cli.models.sources.preset import hub_names, names

    presets = one_of(names, hub_names)(incomplete)
    return [*presets, *_paths_here(incomplete)] if presets else []


def _paths_here(start: str) -> list[str]:
    """Return the files and folders of the working directory that no shell needs to quote."""
    try:
        with os.scandir() as entries:
            found = [(entry.name, entry.is_dir()) for entry in entries if re.fullmatch(PLAIN, entry.name)]
    except OSError:
        return []
    return sorted(
        f"{name}/" if is_folder else name
        for name, is_folder in found
        if name.startswith(start) and name.startswith(".") == start.startswith(".")
    )


def target_names(ctx: Any, incomplete: str) -> list[str]:
    """Offer all-linear, and the names of the linear modules of the models that the command line names."""
    from lora_cli.methods.config.adaptation import ALL_LINEAR

    listed = list_of(lambda: _linear_names_in(_models_on_the_line(ctx)))(incomplete)
    return [*one_of([ALL_LINEAR])(incomplete), *listed]


def _models_on_the_line(ctx: Any) -> list[str]:
    """Return the models that a command line names, as its arguments or by --model."""
    # Typer leaves the arguments unread where an option at the end has no value yet.
    sources = [*ctx.args]
    for value in map(ctx.params.get, ("source", "sources", "model")):
        sources += [value] if isinstance(value, str) else value or ()
    return sources


def _linear_names_in(sources: Iterable[str]) -> Iterable[str]:
    """Yield the names that --target takes for models. A stream is left to the command, and nothing is fetched."""
    from lora_cli.errors import LoraCliError
    from lora_cli.methods.targeting.targets import linear_names
    from lora_cli.models.network import network_use
    from lora_cli.models.sources.read_model import read_model
    from lora_cli.models.streams import is_stream

    for source in sources:
        with suppress(LoraCliError), network_use(offline=True):
            yield from () if is_stream(source) else linear_names(read_model(source))


def adapted_modules(ctx: Any, incomplete: str) -> list[str]:
    """Offer the modules of the adapter that the command line names. Nothing is fetched."""
    from lora_cli.errors import LoraCliError
    from lora_cli.methods.adapter_file.read_adapter import read_adapter
    from lora_cli.models.network import network_use
    from lora_cli.models.streams import is_stream

    adapter, names = ctx.params.get("adapter"), []
    if adapter is not None and not is_stream(adapter):
        with suppress(LoraCliError), network_use(offline=True):
            names = [pair.module for pair in read_adapter(adapter).factors()]
    return one_of(names)(incomplete)


def setting_fields(ctx: Any, incomplete: str) -> list[str]:
    """Offer the fields of the methods that the command line names, and of a single field also its values."""
    from lora_cli.analysis.listings.known_methods import values
    from lora_cli.methods.registry import DEFAULT_METHOD

    known: dict[str, tuple[object, ...]] = {}
    for name in str(ctx.params.get("method") or DEFAULT_METHOD).split(","):
        known = values(name.strip()) | known
    field, equals, _ = incomplete.partition("=")
    fields = [field] if equals else [name for name in known if name.startswith(field)]
    offered = [] if equals else [f"{name}=" for name in fields]
    if len(fields) == 1:
        # A shell that finds one candidate alone thinks that the word is complete; with a value beside it, it does not.
        offered += [f"{fields[0]}={text}" for text in _texts(known.get(fields[0], ()))]
    return offered


def _texts(values: Iterable[object]) -> list[str]:
    """Return values as they are typed, without those that a shell would have to quote."""
    import json

    texts = (value if isinstance(value, str) else json.dumps(value) for value in values)
    return [text for text in texts if re.fullmatch(PLAIN, text)]
