"""Adapters and copies of the embeddings that the modules tied with them share (`ensure_weight_tying`).

`peft/tuners/tuners_utils.py`: `_check_tied_modules`; `peft/tuners/lora/model.py`:
`_add_modules_to_save_to_tie`, `_add_targets_to_tie`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.targeting.patterns import entry_pattern, regular_expression
from lora_cli.models.model import Model

# The names that PEFT takes for embeddings: `EMBEDDING_LAYER_NAMES` in peft/utils/constants.py.
EMBEDDING_LAYERS = ("embed_tokens", "lm_head")


class Ties(NamedTuple):
    """The modules tied with the embeddings: those that share their full copy, or those that share their adapter."""

    copies: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()

    def adapts(self, name: str) -> bool:
        """Whether a module is adapted because the embeddings are, whatever else the config says about it."""
        if not self.targets:
            return False
        return name in self.targets or any(name.endswith(f".{target}") for target in self.targets)


def tie(model: Model, config: AdapterConfig) -> tuple[AdapterConfig, Ties]:
    """Return the config with the embeddings named instead of the modules tied with them, and the ties."""
    tied = model.tied_with_embeddings
    if not config.ensure_weight_tying or not tied or model.embeddings is None:
        return config, Ties()
    if _names_embeddings(config.modules_to_save):
        names = config.modules_to_save
        names = names if model.embeddings in names else (*names, model.embeddings)
        return replace(config, modules_to_save=_without(names, tied)), Ties(copies=tied)
    wanted = config.target_modules
    if isinstance(wanted, str):
        if not any(regular_expression(wanted).fullmatch(name) for name in EMBEDDING_LAYERS):
            return config, Ties()
        pattern = rf"(?:{wanted}|^{re.escape(model.embeddings)}$)"
        return replace(config, target_modules=pattern), Ties(targets=tied)
    if not _names_embeddings(wanted or ()):
        return config, Ties()
    names = _without(dict.fromkeys((*(wanted or ()), model.embeddings)), tied)
    return replace(config, target_modules=names), Ties(targets=tied)


def _names_embeddings(names: Iterable[str]) -> bool:
    return any(name.rsplit(".", 1)[-1] in EMBEDDING_LAYERS for name in names)


def _without(names: Iterable[str], tied: Iterable[str]) -> tuple[str, ...]:
    """Return the names without, for each tied module, the first name that means it."""
    kept = list(names)
    for module in tied:
        match = next((name for name in kept if entry_pattern(name).match(module)), None)
        if match is not None:
            kept.remove(match)
    return tuple(kept)
