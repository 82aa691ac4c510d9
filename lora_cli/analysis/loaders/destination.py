"""Where adapters are to be loaded: a loader, and what is known of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from lora_cli.analysis.inspect.findings.declaration import ERROR, Finding
from lora_cli.analysis.loaders.declaration import Loader, Loading
from lora_cli.analysis.loaders.registry import loader_named, loader_names
from lora_cli.errors import InvalidInput, argument
from lora_cli.methods.config.peft_releases import PeftRelease, read_release

if TYPE_CHECKING:
    from lora_cli.analysis.inspect.inspect import Inspection


class Destination(NamedTuple):
    """A loader with the release of PEFT and the highest rank that it takes, None where that is open."""

    loader: Loader
    release: PeftRelease
    max_rank: int | None = None

    def findings(self, inspection: Inspection) -> list[Finding]:
        """Return what the loader refuses of an adapter, leaves out or has remarks on, and `inspect` does not say."""
        if inspection.broken is not None:
            return []
        loading = Loading(inspection.inspected, self.release, self.max_rank)
        return self.loader.found_in(loading)

    def refuses(self, finding: Finding) -> bool:
        """Whether a finding is one for which the loader refuses an adapter, or loads another one than was trained."""
        own = {rule.code for rule in self.loader.all_rules}
        return finding.code in self.loader.findings or (finding.code in own and finding.severity == ERROR)

    def leaves_open(self, finding: Finding) -> bool:
        """Whether a finding says that something was not checked, so that it is not known whether the loader takes it."""
        return finding.code in self.loader.unchecked


def read_destinations(
    loads_in: Sequence[object] = (), peft_version: object = None, max_rank: float | None = None
) -> list[Destination]:
    """Return where adapters are to be loaded, each loader once. The release is of those that have releases.

    >>> [each.release.version for each in read_destinations(["peft", "vllm"], "0.13")]
    ['0.13.2', '0.21.2']
    """
    loaders = list({loader.name: loader for loader in map(loader_named, loads_in)}.values())
    if peft_version is not None and not any(loader.has_releases for loader in loaders):
        if loaders:
            titles = " and ".join(loader.title for loader in loaders)
            raise InvalidInput(f"{argument('peft_version')} does not matter to {titles}; drop it")
        known = " or ".join(name for name in loader_names() if loader_named(name).has_releases)
        raise InvalidInput(
            f"{argument('peft_version')} needs {argument('loads_in')} {known}; give that too, or drop it"
        )
    rank = None if max_rank is None else int(max_rank)
    return [
        Destination(loader, read_release(peft_version if loader.has_releases else None), rank) for loader in loaders
    ]
