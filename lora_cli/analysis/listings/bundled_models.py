"""Which models are bundled, and what is known of them."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.analysis.result import Record
from lora_cli.methods.targeting.default_targets import TARGETS
from lora_cli.methods.targeting.model_types import EXPERTS
from lora_cli.models.sources.preset import names, read_preset

FIELDS = ("model", "family", "full_params", "default_targets")


def bundled() -> Iterator[Record]:
    """Yield a record per preset; a model type that PEFT has no default targets for has none here."""
    for name in names():
        model = read_preset(name)
        # Of a mixture whose experts it converts, PEFT targets nothing by default.
        targets = None if model.model_type in EXPERTS else TARGETS.get(model.model_type)
        listed = targets if isinstance(targets, str) or targets is None else ",".join(targets)
        figures = (name, model.model_type, model.full_params, listed)
        yield dict(zip(FIELDS, figures, strict=True))
