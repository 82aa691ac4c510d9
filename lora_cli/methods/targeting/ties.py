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
from lora_cli.methods.targeting.patterns import compiled
from lora_cli.models.model import Model

# What PEFT takes for the embeddings, `EMBEDDING_LAYER_NAMES` in peft/utils/constants.py.
EMBEDDING_LAYERS = ("embed_tokens", "lm_head")


class Ties(NamedTuple):
    """The modules that follow the embeddings: saved as their copy, or adapted behind them."""

    saved: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()

    def adapts(self, name: str) -> bool:
        """Whether a module is adapted because of the embeddings, whatever else the config says of it."""
        if not self.targets:
            return False
        return name in self.targets or any(name.endswith(f".{target}") for target in self.targets)


def tie(model: Model, config: AdapterConfig) -> tuple[AdapterConfig, Ties]:
    """Return the config that names the embeddings instead of what is tied with them, and the ties."""
    tied = model.tied_with_embeddings
    if not config.ensure_weight_tying or not tied or model.embeddings is None:
        return config, Ties()
    if _names_embeddings(config.modules_to_save):
        saved = config.modules_to_save
        saved = saved if model.embeddings in saved else (*saved, model.embeddings)
        return replace(config, modules_to_save=_without(saved, tied)), Ties(saved=tied)
    wanted = config.target_modules
    if isinstance(wanted, str):
        if not any(compiled(wanted).fullmatch(name) for name in EMBEDDING_LAYERS):
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
    """Return the names but, for each tied module, the first that means it."""
    kept = list(names)
    for module in tied:
        hit = next((name for name in kept if compiled(rf"(^|.*\.){name}($|\..*)").match(module)), None)
        if hit is not None:
            kept.remove(hit)
    return tuple(kept)
