"""Rows of embeddings that are trained one by one (`trainable_token_indices`).

`peft/utils/other.py`: `set_additional_trainable_modules`; `peft.tuners.trainable_tokens.layer`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from lora_cli.errors import InvalidInput, quote
from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.config.peft_fields import INPUT_EMBEDDINGS
from lora_cli.methods.targeting.full_copies import Saved
from lora_cli.models.model import Model
from lora_cli.models.nodes import Module

Tokens = tuple[int, ...]


class Rows(NamedTuple):
    """The rows of one module that are trained, in each place where PEFT keeps it."""

    module: Module
    tokens: Tokens
    paths: tuple[str, ...]

    @property
    def width(self) -> int:
        """The values of a row. A head holds its weight as rows too."""
        return self.module.h if self.module.kind == "Embedding" else self.module.d

    @property
    def params(self) -> int:
        """The trained parameters."""
        return len(self.paths) * len(self.tokens) * self.width


def trained_rows(
    model: Model, names: Iterable[str], config: AdapterConfig, saved: Saved, adapted: Iterable[str]
) -> tuple[tuple[Rows, ...], tuple[str, ...]]:
    """Return the rows that the config trains, and the modules tied with the embeddings, which follow and add none."""
    if not config.trainable_token_indices:
        return (), ()
    modules = {module.name: module for module in model.modules}
    adapted, names = frozenset(adapted), tuple(names)
    found: dict[str, Rows] = {}
    wanted, differ = _wanted(model, config, saved, adapted)
    for entry, tokens in wanted.items():
        ending = model.embeddings if entry == INPUT_EMBEDDINGS else entry
        if ending is None:
            raise InvalidInput(
                f"trainable_token_indices trains rows of the input embeddings, and {quote(model.name)} has none; "
                'name an embedding: {"NAME": [...]}'
            )
        if ending in config.saved:
            raise InvalidInput(
                f"trainable_token_indices trains rows of {quote(ending)}, which is saved whole; leave one out"
            )
        kept = {name: tuple(_paths(name, saved)) for name in names if name.endswith(ending)}
        if entry == INPUT_EMBEDDINGS:
            # The model's own embedding is the one that runs, of the copies that hold one.
            kept = {name: paths[-1:] for name, paths in kept.items()}
        else:
            kept = {name: tuple(path for path in paths if path.endswith(ending)) for name, paths in kept.items()}
        if not any(kept.values()):
            raise InvalidInput(f"trainable_token_indices trains rows of an embedding, and {quote(ending)} is none here")
        for name in (name for name, paths in kept.items() if paths):
            _check(name, ending, tokens, modules.get(name), adapted)
            # PEFT keeps the first rows that it is given for a module.
            found.setdefault(name, Rows(modules[name], tokens, kept[name]))
    tied = _tied(model, saved, ())
    following = tied if model.embeddings in found and not differ else []
    if following and not any(path.endswith(name) for name in tied for path in _paths(name, saved)):
        raise InvalidInput(
            f"trainable_token_indices trains rows of {quote(model.embeddings)} and of {quote(tied[0])}, which is inside "
            "a module that is saved whole; leave one out"
        )
    return tuple(found.values()), tuple(_tied(model, saved, adapted) if following else ())


def _check(name: str, ending: str, tokens: Tokens, module: Module | None, adapted: frozenset[str]) -> None:
    if name in adapted:
        raise InvalidInput(
            f"trainable_token_indices trains rows of {quote(ending)}, which is adapted too; leave one out"
        )
    if module is None or module.kind not in {"Embedding", "Linear"}:
        raise InvalidInput(f"trainable_token_indices trains rows of an embedding, and {quote(ending)} is none here")
    rows = module.d if module.kind == "Embedding" else module.h
    for token in tokens:
        if not -rows <= token < rows:
            raise InvalidInput(
                f"trainable_token_indices: {quote(token)} is not among the {rows} rows of {quote(ending)}; give others"
            )


def _wanted(
    model: Model, config: AdapterConfig, saved: Saved, adapted: Iterable[str]
) -> tuple[Mapping[str, Tokens], bool]:
    """Return the tokens by entry, and whether those of tied modules differ; without the entries that only repeat."""
    wanted, tied = config.trainable_token_indices or {}, _tied(model, saved, adapted)
    embeddings = model.embeddings or ""
    together = [
        entry
        for entry in wanted
        if embeddings.endswith(entry) or any(name.endswith(entry) or entry in name.split(".") for name in tied)
    ]
    if len(together) < 2 or not model.tied_with_embeddings:
        return wanted, False
    differ = len({wanted[entry] for entry in together}) > 1
    if differ and config.ensure_weight_tying:
        raise InvalidInput(
            f"ensure_weight_tying needs the same trainable_token_indices for {' and '.join(map(quote, together))}; "
            "give the same, or leave one out"
        )
    kept = {entry: tokens for entry, tokens in wanted.items() if differ or entry not in together or entry not in tied}
    return kept, differ


def _tied(model: Model, saved: Saved, adapted: Iterable[str]) -> list[str]:
    """Return what PEFT finds tied with the embeddings by then: nothing once they were copied.

    What is adapted lies inside its adapter.
    """
    if any(f"{model.embeddings}.".startswith(f"{name}.") for name in saved.names):
        return []
    return [f"{name}.base_layer" if name in adapted else name for name in model.tied_with_embeddings]


def _paths(name: str, saved: Saved) -> Iterator[str]:
    """Yield where PEFT finds a module: in what was copied, and in each copy, by the names these have then."""
    copied = saved.around(name)
    for level in range(len(copied) + 1):
        path = name
        for depth in reversed(range(min(level + 1, len(copied)))):
            part = ".modules_to_save.default" if depth < level else ".original_module"
            path = f"{copied[depth]}{part}{path.removeprefix(copied[depth])}"
        yield path
    if name in saved.names and name.rpartition(".")[0] in saved.names:
        # The copy of a saved module's own child hangs beside that module's copy.
        yield name
