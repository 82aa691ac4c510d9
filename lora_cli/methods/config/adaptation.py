"""How a subject is adapted, as a caller asks for it: a method with its fields, or a whole PEFT config on disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from types import MappingProxyType
from typing import Any, NamedTuple, SupportsIndex

from lora_cli.methods.registry import DEFAULT_METHOD

Target = str | Sequence[str]
# The target that stands for all linear modules.
ALL_LINEAR = "all-linear"


class Adaptation(NamedTuple):
    """The arguments that say how a subject is adapted.

    `settings` are fields of the method's PEFT config. `adapter` is the path of an adapter_config.json or its folder,
    or a Hub name, and says what the others would. `adapter_dtype` is torch's name of the type that the adapter is stored in.
    """

    method: str | None = None
    r: SupportsIndex | None = None
    alpha: float | None = None
    target: Target | None = None
    settings: Mapping[str, Any] = MappingProxyType({})
    adapter: str | PathLike[str] | None = None
    adapter_dtype: str | None = None

    @property
    def method_name(self) -> str:
        """The method's name, or the default's."""
        return DEFAULT_METHOD if self.method is None else self.method

    @property
    def is_plain(self) -> bool:
        """Whether it is the default method by its rank and nothing else, whose count needs no config."""
        has_others = any(other is not None for other in (self.alpha, self.adapter, self.adapter_dtype))
        return self.method_name == DEFAULT_METHOD and self.r is not None and not self.settings and not has_others


# PEFT's defaults.
UNCHANGED = Adaptation()
