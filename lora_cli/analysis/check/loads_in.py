"""Where trained adapters are to be loaded, as a check asks for it. Most checks do without, and import no loader."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lora_cli.analysis.limits import MAX_RANK, Limits
from lora_cli.errors import InvalidInput, argument

if TYPE_CHECKING:
    from lora_cli.analysis.loaders.destination import Destination

# The names of one or more loaders.
Loaders = str | Sequence[str]


def destinations_of(loads_in: Loaders | None, peft_version: str | None, limits: Limits) -> Sequence[Destination]:
    """Return where adapters are to be loaded, with the limit on their ranks; () where nothing is asked of it."""
    if loads_in is None and peft_version is None:
        return ()
    from lora_cli.analysis.loaders.destination import read_destinations

    return read_destinations(_listed(loads_in), peft_version, limits.get(MAX_RANK))


def _listed(loads_in: Loaders | None) -> list[Any]:
    names = [] if loads_in is None else split_names(loads_in)
    if loads_in is not None and not names:
        raise InvalidInput(f"{argument('loads_in')}: the list is empty; give at least one, or drop it")
    return names


def split_names(names: Any) -> list[Any]:
    """Return the names of a text or of a list, each text of which may list several with commas between them.

    >>> split_names("peft, vllm"), split_names(["warning,zero-b", "nan"])
    (['peft', 'vllm'], ['warning', 'zero-b', 'nan'])
    """
    listed = [names] if isinstance(names, str | Mapping) or not isinstance(names, Iterable) else names
    return [part for name in listed for part in (map(str.strip, name.split(",")) if isinstance(name, str) else [name])]


def known_loaders(loads_in: Loaders | None, peft_version: str | None) -> list[str] | None:
    """Return the names of the loaders, None where none is asked for.

    A loader or a release that is not known is refused, also where the other one is still to be chosen.
    """
    names = None if loads_in is None else _listed(loads_in)
    if names is not None:
        from lora_cli.analysis.loaders.registry import loader_named

        names = [loader_named(name).name for name in names]
    if peft_version is not None:
        from lora_cli.methods.config.peft_releases import read_release

        read_release(peft_version)
    return names
