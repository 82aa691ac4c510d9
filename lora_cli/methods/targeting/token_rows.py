"""Token rows: rows of an embedding that are trained one by one (`trainable_token_indices`).

`peft/utils/other.py`: `set_additional_trainable_modules`; `peft.tuners.trainable_tokens.layer`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from lora_cli.errors import InvalidInput, quote
from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.config.peft_fields import INPUT_EMBEDDINGS
from lora_cli.methods.targeting.full_copies import FullCopies, check_copied_once
from lora_cli.models.model import Model
from lora_cli.models.nodes import Module

Tokens = tuple[int, ...]


class TokenRows(NamedTuple):
    """The trained rows of one module, in each place where PEFT keeps the module."""

    module: Module
    tokens: Tokens
    paths: tuple[str, ...]

    @property
    def width(self) -> int:
        """The number of values in a row. An output head stores its weight by rows too."""
        return self.module.h if self.module.kind == "Embedding" else self.module.d

    @property
    def params(self) -> int:
        """The trained parameters."""
        return len(self.paths) * len(self.tokens) * self.width


def find_token_rows(
    model: Model, names: Iterable[str], config: AdapterConfig, copies: FullCopies, adapted: Iterable[str]
) -> tuple[tuple[TokenRows, ...], tuple[str, ...]]:
    """Return the rows that the config trains, and the modules tied with the embeddings, which share their rows."""
    if not config.trainable_token_indices:
        return (), ()
    modules = {module.name: module for module in model.modules}
    adapted, names = frozenset(adapted), tuple(names)
    rows: dict[str, TokenRows] = {}
    wanted, differ = _wanted(model, config, copies, adapted)
    for entry, tokens in wanted.items():
        ending = model.embeddings if entry == INPUT_EMBEDDINGS else entry
        if ending is None:
            raise InvalidInput(
                f"trainable_token_indices trains rows of the input embeddings, and {quote(model.name)} has none; "
                'name an embedding: {"NAME": [...]}'
            )
        if ending in config.full_copy_names:
            raise InvalidInput(
                f"trainable_token_indices trains rows of {quote(ending)}, which modules_to_save trains whole; drop one"
            )
        places = {name: tuple(_paths(name, copies)) for name in names if name.endswith(ending)}
        if entry == INPUT_EMBEDDINGS:
            # Of the copies that hold the model's own embedding, PEFT takes the one that runs.
            places = {name: paths[-1:] for name, paths in places.items()}
        else:
            places = {name: tuple(path for path in paths if path.endswith(ending)) for name, paths in places.items()}
        if not any(places.values()):
            raise _no_embedding(ending)
        for name in (name for name, paths in places.items() if paths):
            module = _rows_module(name, ending, tokens, modules.get(name), adapted)
            # PEFT keeps the first rows that it is given for a module.
            rows.setdefault(name, TokenRows(module, tokens, places[name]))
    check_copied_once((f"{name}.weight" for name in rows), copies.names, config)
    tied = _tied(model, copies, ())
    share = tied if model.embeddings in rows and not differ else []
    if share and not any(path.endswith(name) for name in tied for path in _paths(name, copies)):
        raise InvalidInput(
            f"trainable_token_indices trains rows of {quote(model.embeddings)} and of {quote(tied[0])}, which is inside "
            "a module that modules_to_save trains whole; drop one"
        )
    return tuple(rows.values()), tuple(_tied(model, copies, adapted) if share else ())


def _no_embedding(ending: str) -> InvalidInput:
    return InvalidInput(
        f"trainable_token_indices trains rows of an embedding, and {quote(ending)} is not an embedding of this model"
    )


def _rows_module(name: str, ending: str, tokens: Tokens, module: Module | None, adapted: frozenset[str]) -> Module:
    """Return the module if PEFT can train these rows of it."""
    if name in adapted:
        raise InvalidInput(f"trainable_token_indices trains rows of {quote(ending)}, which is adapted too; drop one")
    if module is None or module.kind not in {"Embedding", "Linear"}:
        raise _no_embedding(ending)
    rows = module.d if module.kind == "Embedding" else module.h
    for token in tokens:
        if not -rows <= token < rows:
            raise InvalidInput(
                f"trainable_token_indices: {quote(token)} is not among the {rows} rows of {quote(ending)}; give others"
            )
    return module


def _wanted(
    model: Model, config: AdapterConfig, copies: FullCopies, adapted: Iterable[str]
) -> tuple[Mapping[str, Tokens], bool]:
    """Return the tokens by entry without entries that only repeat, and whether the tokens of tied modules differ."""
    wanted, tied = config.trainable_token_indices or {}, _tied(model, copies, adapted)
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
            "give the same, or drop one"
        )
    kept = {entry: tokens for entry, tokens in wanted.items() if differ or entry not in together or entry not in tied}
    return kept, differ


def _tied(model: Model, copies: FullCopies, adapted: Iterable[str]) -> list[str]:
    """Return the modules that PEFT still finds tied with the embeddings: none once the embeddings were copied.

    An adapted module lies inside its adapter by then.
    """
    if any(f"{model.embeddings}.".startswith(f"{name}.") for name in copies.names):
        return []
    return [f"{name}.base_layer" if name in adapted else name for name in model.tied_with_embeddings]


def _paths(name: str, copies: FullCopies) -> Iterator[str]:
    """Yield the names under which PEFT finds a module: in the originals that were copied, and in each copy."""
    outer = copies.around(name)
    for level in range(len(outer) + 1):
        path = name
        for depth in reversed(range(min(level + 1, len(outer)))):
            part = ".modules_to_save.default" if depth < level else ".original_module"
            path = f"{outer[depth]}{part}{path.removeprefix(outer[depth])}"
        yield path
    if name in copies.names and name.rpartition(".")[0] in copies.names:
        # The copy of a copied module's own child hangs beside that module's copy.
        yield name
