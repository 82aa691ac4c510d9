"""How a loader is declared: its version, and a kind of finding for each thing that it refuses or leaves out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from lora_cli.analysis.inspect.findings.declaration import ERROR, Finding, Kind
from lora_cli.analysis.inspect.inspected_adapter import InspectedAdapter
from lora_cli.methods.adapter_file.foreign_adapter import ForeignAdapter
from lora_cli.methods.adapter_file.format_registry import PEFT
from lora_cli.methods.config.adapter_config import TASKS, AdapterConfig
from lora_cli.methods.config.peft_releases import PeftRelease
from lora_cli.models.checkpoints.safetensors_header import Stored
from lora_cli.models.peft_names import ADAPTER_CONFIG

# A text encoder of a pipeline has the features of its own.
LANGUAGE_TASKS = frozenset(TASKS) - {"FEATURE_EXTRACTION"}
OF_PIPELINE = "load it with diffusers, or with the program that it was made for: it is for an image or video model"
MISSING_CONFIG = f"copy {ADAPTER_CONFIG} from where the adapter was trained"


class Loading(NamedTuple):
    """An adapter that is to be loaded, and what is known of the program that loads it.

    `release` is the release of PEFT, and `max_rank` the highest rank that a server is to take, None where that is open.
    """

    adapter: InspectedAdapter
    release: PeftRelease
    max_rank: int | None = None

    @property
    def path(self) -> str:
        """The adapter's path, as the caller wrote it."""
        return self.adapter.path

    @property
    def config(self) -> AdapterConfig:
        """The adapter's config."""
        return self.adapter.trained.config

    @property
    def is_peft(self) -> bool:
        """Whether the file is in PEFT's format, which the config beside it explains."""
        return not isinstance(self.adapter.trained, ForeignAdapter)

    @property
    def is_of_language(self) -> bool:
        """Whether it is known to be an adapter of a language model: by its format, its task or its model."""
        model, declared = self.adapter.model, self.adapter.trained.declared
        if self.is_peft:
            return self.config.task_type in LANGUAGE_TASKS or (model is not None and model.generates is True)
        return declared.name != PEFT and not declared.is_of_pipeline

    @property
    def keys(self) -> Mapping[str, Stored]:
        """The tensors of the file by their keys there."""
        return self.adapter.trained.tensors

    @property
    def metadata(self) -> Mapping[str, str]:
        """The metadata of a file whose format is not PEFT's, which has none that matters."""
        trained = self.adapter.trained
        return trained.metadata if isinstance(trained, ForeignAdapter) else {}


class Loader(NamedTuple):
    """A program that loads adapters, and the rules that were read in the source of its `version`.

    A rule that is an error is one by which it refuses an adapter, or loads another one than was trained. By one of its
    `gates` it loads nothing, so that no other rule is asked. `findings` are the codes of what `inspect` finds that it
    refuses or leaves out, too, and `unchecked` those of notes that something was not checked, so that it is not known
    whether it loads an adapter. `has_releases` says whether the rules depend on the release of PEFT. `only_peft` says
    whether it reads PEFT's own format and no other, and `only_language` whether it loads no model of a pipeline.
    """

    name: str
    title: str
    version: str
    rules: Sequence[Kind[Loading]]
    gates: Sequence[Kind[Loading]] = ()
    findings: frozenset[str] = frozenset({"broken-file", "empty-tensor"})
    unchecked: frozenset[str] = frozenset()
    has_releases: bool = False
    only_peft: bool = True
    only_language: bool = False

    @property
    def all_rules(self) -> Sequence[Kind[Loading]]:
        """The rules of each code, with the one for other formats where the loader reads none."""
        return [*{rule.code: rule for rule in (*self.rules, *self._all_gates)}.values()]

    @property
    def _all_gates(self) -> Sequence[Kind[Loading]]:
        return [self.format_rule, *self.gates] if self.only_peft else self.gates

    @property
    def format_rule(self) -> Kind[Loading]:
        """The rule by which a file in another format than PEFT's is refused."""

        def look(loading: Loading) -> Iterator[tuple[str, str]]:
            trained = loading.adapter.trained
            declared = trained.declared
            if not loading.is_peft:
                what = f"the file is of {declared.title}" if declared.name != PEFT else f"it has no {ADAPTER_CONFIG}"
                remedy = OF_PIPELINE if self.only_language and declared.is_of_pipeline else trained.instead
                yield f"{self.title} reads PEFT's format only, and {what}", remedy or MISSING_CONFIG

        return Kind(f"{self.name}-format", ERROR, "convert it to PEFT's format", look)

    def found_in(self, loading: Loading) -> list[Finding]:
        """Return what the rules find in an adapter."""
        for gate in self._all_gates:
            if nothing := [*gate.found_in(loading)]:
                return nothing
        return [found for rule in self.rules if rule not in self.gates for found in rule.found_in(loading)]
