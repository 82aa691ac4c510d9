"""Which methods there are, and what each of them takes and trains."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lora_cli.analysis.result import Record
from lora_cli.methods import METHODS, check_name, method_named, variant_fields
from lora_cli.methods.config.adapter_config import BIASES
from lora_cli.methods.method import Method
from lora_cli.methods.registry import FAMILIES, family_of, methods_of
from lora_cli.methods.variants import VARIANTS, variants_of
from lora_cli.quantities import Value

FIELDS = ("method", "formula", "knob", "supports", "title", "arxiv", "family")
# PEFT's defaults of the fields that methods share; the others are null by default.
SHARED_DEFAULTS: dict[str, object] = {
    "alpha_pattern": {},
    "bias": "none",
    "ensure_weight_tying": False,
    "rank_pattern": {},
}
# And the values to choose from.
SHARED_VALUES: dict[str, tuple[object, ...]] = {"bias": BIASES, "ensure_weight_tying": (False, True)}


def _record(name: str, method: Method[Any]) -> Record:
    formula, title, arxiv = method.formula, method.title, method.arxiv
    if name in VARIANTS:
        *_, title, arxiv, formula = VARIANTS[name]
    supports = ",".join(method.module_kinds) or "any module" if method.prompt_tensors is None else "models"
    figures = (name, formula, method.knob, supports, title, arxiv, family_of(method.name))
    return dict(zip(FIELDS, figures, strict=True))


def family(name: str | None) -> str | None:
    """Return the family of methods that has this name.

    >>> family("Low rank"), family("vera"), family("lora")
    ('low_rank', None, None)
    """
    folder = None if name is None else name.lower().replace(" ", "_")
    return folder if folder in FAMILIES and folder not in METHODS else None


def known(family: str | None = None) -> Iterator[Record]:
    """Yield a record per method, family by family or of one, each with its variants behind it."""
    for name in METHODS if family is None else methods_of(family):
        for each in (name, *variants_of(name)):
            yield _record(each, method_named(name))


def one(name: str) -> tuple[Record, list[Record]]:
    """Return a method's record, and a record per field of its config with PEFT's default, or its variant's value."""
    name, method = check_name(name), method_named(name)
    defaults: dict[str, object] = {} if method.rank is None else {"r": method.rank}
    defaults |= method.fields
    defaults |= {field: SHARED_DEFAULTS.get(field) for field in sorted(method.shared_fields - defaults.keys())}
    defaults |= variant_fields(name)
    return _record(name, method), [{"field": field, "default": _value(value)} for field, value in defaults.items()]


def values(name: str) -> dict[str, tuple[object, ...]]:
    """Return the values to choose from of each field of a method's config, or its default where it takes any value.

    >>> fields = values("lora")
    >>> fields["bias"], fields["r"]
    (('none', 'all', 'lora_only'), (8,))
    """
    known = SHARED_VALUES | method_named(name).known_values
    defaults = {str(record["field"]): record["default"] for record in one(name)[1]}
    return {field: known.get(field, (default,)) for field, default in defaults.items()}


def _value(value: object) -> Value:
    return value if isinstance(value, bool | int | float | str) or value is None else str(value)
