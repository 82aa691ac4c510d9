"""A trained adapter on disk: the config and the tensors that PEFT's `save_pretrained` wrote."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from sys import intern
from typing import TYPE_CHECKING, Any

from lora_cli.errors import InvalidInput, quote_long
from lora_cli.methods.adapter_file.factors import FACTOR_ENDINGS, Factors, fit_each_other
from lora_cli.methods.adapter_file.facts import NO_FACTS, TrainingFacts
from lora_cli.methods.adapter_file.format import Format
from lora_cli.methods.adapter_file.format_registry import PEFT, format_named
from lora_cli.methods.adapter_file.weight_update import reason_of_config
from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.registry import method_named
from lora_cli.methods.targeting.name_matching import by_pattern, ranker
from lora_cli.methods.targeting.patterns import matching_time_limit
from lora_cli.models.checkpoints.safetensors_header import Stored, read_header
from lora_cli.models.peft_names import ADAPTER_WEIGHTS, BASE_MODEL

if TYPE_CHECKING:
    from lora_cli.models.sources.hub_files import RemoteHeader


@dataclass(frozen=True, slots=True, repr=False)
class TrainedAdapter:
    """The adapter in a folder: the fields of its config, the config they make, and the file's tensors by key.

    `name` is the path as the caller wrote it, `folder` the folder it leads to, and `file` the name of the file in it.
    `unknown` lists the config's fields that its method does not have. Of an adapter on the Hub, `revision` is its
    commit, `notes` say what was fetched, and `header` is that of its file unless the file is in the cache.
    """

    name: str
    folder: str
    fields: Mapping[str, Any]
    config: AdapterConfig
    unknown: tuple[str, ...]
    tensors: Mapping[str, Stored] = field(default_factory=dict)
    header: RemoteHeader | None = None
    revision: str | None = None
    notes: tuple[str, ...] = ()
    file: str = ADAPTER_WEIGHTS

    @property
    def declared(self) -> Format:
        """The format of its file."""
        return format_named(PEFT)

    @property
    def file_bytes(self) -> int:
        """The size of the file that holds the tensors."""
        return os.path.getsize(self.weights) if self.header is None else self.header.size

    def stored(self) -> Mapping[str, Stored]:
        """Return the tensors of that file by key; a file that is broken raises `BrokenFile`."""
        return self.tensors or (read_header(self.weights) if self.header is None else self.header.tensors())

    def check_values(self) -> None:
        """Refuse an adapter whose values stay on the Hub."""
        if self.header is not None:
            raise InvalidInput(
                f"{quote_long(self.name)}: its values are on the Hub, and only headers are fetched; download it with "
                f"`hf download {self.name.partition('@')[0]}`, and ask again"
            )

    def content(self, stored: Stored) -> bytes:
        """Return the bytes of the values of one tensor, which are fetched if the file is on the Hub."""
        return stored.read() if self.header is None else self.header.part(stored.start, stored.end)

    def __repr__(self) -> str:
        return f"TrainedAdapter({self.name!r}, {self.config.label}, {len(self.tensors):,} tensors)"

    @property
    def weights(self) -> str:
        """The path of the file that holds the tensors."""
        return os.path.join(self.folder, self.file)

    @property
    def base_model(self) -> str | None:
        """The name of the base model, if it is noted."""
        name = self.fields.get("base_model_name_or_path")
        return name if isinstance(name, str) else None

    @property
    def facts(self) -> TrainingFacts:
        """What is noted of the training, which PEFT notes nothing of."""
        return NO_FACTS

    @property
    def instead(self) -> str:
        """What to do where PEFT's format is expected; nothing for a file that is in it."""
        return self.declared.instead

    @property
    def has_lora_factors(self) -> bool:
        """Whether the method's update is scaling · B·A, of LoRA's A and B."""
        return method_named(self.config.method).has_lora_factors

    @property
    def alpha(self) -> float | None:
        """LoRA's alpha; None for another method, or where only a pattern has it."""
        if not self.has_lora_factors:
            return None
        alpha = self.config.lora.lora_alpha
        return None if isinstance(alpha, InvalidInput) else alpha

    @property
    def why_no_update(self) -> str | None:
        """Why the update of no module is scaling · B·A, or None where that of some is."""
        return reason_of_config(self.config, self.tensors, has_factors=self.has_lora_factors)

    def patterns(self, name: str) -> Mapping[str, Any]:
        """Return `rank_pattern` or `alpha_pattern`, which a method that ignores it may have as anything."""
        value = self.fields.get(name)
        return value if isinstance(value, dict) else {}

    def factors(self) -> list[Factors]:
        """Return the pairs of A and B whose shapes fit each other, in the file's order.

        The scaling is α / r, or α / √r with `use_rslora`. α follows `alpha_pattern`. r is the config's rank and not
        the rows of A, because some starts store fewer rows.
        """
        rank_of = ranker(self.config)
        alpha_of = by_pattern(self.config.alpha_pattern, self.config.lora.lora_alpha)
        divisor = math.sqrt if self.fields.get("use_rslora") else float
        with matching_time_limit(len(self.tensors)):
            scaled = ((module, a, b, float(alpha_of(module))) for module, a, b in self._pairs())
            return [Factors(*pair, pair[-1] / divisor(rank_of(pair[0]))) for pair in scaled]

    def unpaired(self) -> Iterator[tuple[str, str]]:
        """Yield the modules with an A whose update is not that of a pair, with the reason."""
        paired = {module for module, _, _ in self._pairs()}
        for key in self.tensors:
            ending = next((a for a, _ in FACTOR_ENDINGS if key.endswith(a)), None)
            module = "" if ending is None else key.removesuffix(ending).removeprefix(BASE_MODEL)
            if ending is not None and module not in paired:
                yield module, "B is missing, or does not fit A"

    def _pairs(self) -> Iterator[tuple[str, Stored, Stored]]:
        for key, a in self.tensors.items():
            ending, other = next((pair for pair in FACTOR_ENDINGS if key.endswith(pair[0])), ("", ""))
            b = self.tensors.get(f"{key.removesuffix(ending)}{other}") if ending else None
            if b is not None and fit_each_other(a.shape, b.shape):
                yield intern(key.removesuffix(ending).removeprefix(BASE_MODEL)), a, b

    def may_hold_experts(self, module: str) -> bool:
        """Whether one of `target_parameters` belongs to a module: PEFT names its factors after that module."""
        owner = parameter_owner(module)
        return any(is_owner(owner, parameter) for parameter in self.config.target_parameters or ())


def is_owner(module: str, parameter: str) -> bool:
    """Whether an entry of `target_parameters` may name a parameter of a module.

    >>> is_owner("mlp.experts", "down_proj"), is_owner("mlp.experts", "gate.weight")
    (True, False)
    """
    wanted = parameter.rpartition(".")[0]
    return not wanted or f".{module}".endswith(f".{wanted}")


def parameter_owner(module: str) -> str:
    """Return the module whose bare parameter is adapted; PEFT wraps it once for each of its parameters.

    >>> parameter_owner("mlp.experts.base_layer")
    'mlp.experts'
    """
    while module.endswith(".base_layer"):
        module = module.removesuffix(".base_layer")
    return module
