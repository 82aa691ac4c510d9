"""Which methods there are, and what each takes and trains."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.analysis.count.matrix_count import Record
from lora_cli.methods import METHODS, method_named
from lora_cli.methods.config.adapter_config import lora_defaults
from lora_cli.methods.method import Method
from lora_cli.models.config import Config
from lora_cli.quantities import Value

FIELDS = ("method", "formula", "knob", "supports", "title", "arxiv")


def _record(method: Method) -> Record:
    supports = ",".join(method.module_kinds) or "any module" if method.prompt_tensors is None else "models"
    figures = (method.name, method.formula, method.knob, supports, method.title, method.arxiv)
    return dict(zip(FIELDS, figures, strict=True))


def known() -> Iterator[Record]:
    """Yield a record per method, kin beside kin."""
    for name in METHODS:
        yield _record(method_named(name))


def one(name: str) -> tuple[Record, list[Record]]:
    """Return a method's record, and a record per field of its config with PEFT's default."""
    method = method_named(name)
    nothing = Config({}, f"method {method.name}")
    defaults: dict[str, object] = {} if method.rank is None else {"r": method.rank}
    defaults |= {field: read(nothing, field) for field, read in method.fields.items()}
    if method.name == "lora":
        defaults |= lora_defaults()
    others = sorted(method.shared_fields - defaults.keys())
    defaults |= {field: "none" if field == "bias" else None for field in others}
    return _record(method), [{"field": field, "default": _value(value)} for field, value in defaults.items()]


def _value(value: object) -> Value:
    return value if isinstance(value, bool | int | float | str) or value is None else str(value)
