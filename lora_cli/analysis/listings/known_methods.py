"""Which methods there are, and what each of them takes and trains."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import Any

from lora_cli.analysis.result import Record
from lora_cli.methods import METHODS, check_name, method_named, variant_fields
from lora_cli.methods.config.field_descriptions import SHARED, Description, descriptions
from lora_cli.methods.method import Method
from lora_cli.methods.registry import FAMILIES, family_of, methods_of
from lora_cli.methods.variants import VARIANTS, variants_of
from lora_cli.quantities import Value

FIELDS = ("method", "formula", "knob", "supports", "title", "arxiv", "family")
CONFIG_FIELDS = ("field", "default", "type", "meaning")


def _record(name: str, method: Method[Any]) -> Record:
    formula, title, arxiv = method.formula, method.title, method.arxiv
    if name in VARIANTS:
        *_, title, arxiv, formula = VARIANTS[name]
    supports = ",".join(method.module_kinds) or "any module" if method.prompt_tensors is None else "models"
    figures = (name, formula, method.knob, supports, title, arxiv, family_of(method.name))
    return dict(zip(FIELDS, figures, strict=True))


def family(name: str) -> str | None:
    """Return the family of methods that has this name.

    >>> family("Low rank"), family("vera"), family("lora")
    ('low_rank', None, None)
    """
    folder = name.lower().replace(" ", "_")
    return folder if folder in FAMILIES and folder not in METHODS else None


def known(pattern: str = "*") -> list[Record]:
    """Return a record per method of a family, or whose name `pattern` matches; each has its variants behind it.

    >>> [record["method"] for record in known("prompts")][:2], [record["method"] for record in known("lo*a")]
    (['adaption_prompt', 'cartridge'], ['lora', 'loha'])
    """
    folder = family(pattern)
    methods = METHODS if folder is None else methods_of(folder)
    names = [each for name in methods for each in (name, *variants_of(name))]
    if folder is None:
        names = [name for name in names if fnmatchcase(name, pattern.lower())]
    return [_record(name, method_named(name)) for name in names]


def one(name: str) -> tuple[Record, list[Record]]:
    """Return a method's record, and a record per field of its config: PEFT's default, or its variant's value, and what it does.

    >>> one("vera")[1][0]
    {'field': 'r', 'default': 256, 'type': 'integer', 'meaning': 'Rank, the inner size of the adapter'}
    """
    rows = [(field, _value(each.default), each.type, each.meaning) for field, each in _fields(name).items()]
    record = _record(check_name(name), method_named(name))
    return record, [dict(zip(CONFIG_FIELDS, row, strict=True)) for row in rows]


def values(name: str) -> dict[str, tuple[object, ...]]:
    """Return the values to choose from of each field of a method's config, or its default where it takes any value.

    >>> fields = values("lora")
    >>> fields["bias"], fields["r"]
    (('none', 'all', 'lora_only'), (8,))
    """
    return {field: each.known or (_value(each.default),) for field, each in _fields(name).items()}


def _fields(name: str) -> dict[str, Description]:
    """Return the fields of a method's config, of a variant with the values that make it."""
    method = method_named(name)
    fields = {} if method.rank is None else {"r": SHARED["r"]._replace(default=method.rank)}
    fields |= descriptions(method.settings)
    fields |= {field: SHARED[field] for field in sorted(method.shared_fields - fields.keys())}
    made = variant_fields(name)
    return {field: each._replace(default=made.get(field, each.default)) for field, each in fields.items()}


def _value(value: object) -> Value:
    return value if isinstance(value, bool | int | float | str) or value is None else json.dumps(value)
